"""A template of one's own, in which host names have to resolve, as most people have it."""

OWN_TEMPLATE = """global
    stats socket {{ state_dir }}/haproxy.sock mode 600 level admin
    server-state-file {{ state_dir }}/haproxy.state
    hard-stop-after 5s
defaults
    mode http
    timeout connect 2s
    timeout client 20s
    timeout server 20s
    load-server-state-from-file global
    retries 2
    option redispatch 1
frontend f
    bind {{ vars.http_bind }}
    default_backend nodes
backend nodes
    option httpchk HEAD /
{% for e in services[0].endpoints %}
{% set more = e.tag("x") | verbatim %}
    server {{ e.name }} {{ e.host_port }} check inter 1s weight {{ e.weight }} {{ more }}
{% endfor %}
"""
