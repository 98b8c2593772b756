"""The lab of lbdisc: sample web app, traffic and the demo."""
