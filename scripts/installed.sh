# Runs in an image: kind, name, version, architecture and licences of each package that is installed,
# parted by tabs. What of Debian's copyright files is not machine-readable says nothing.
set -eu
tab=$(printf '\t')
dpkg-query -W -f '${Package}\t${Version}\t${Architecture}\n' |
    while IFS=$tab read -r name version architecture; do
        file=/usr/share/doc/$name/copyright
        licences=
        [ ! -r "$file" ] || licences=$(sed -n 's/^License: *//p' "$file" | sort -u | paste -sd ';')
        printf 'deb\t%s\t%s\t%s\t%s\n' "$name" "$version" "$architecture" "$licences"
    done
[ -x /opt/lbdisc/bin/python ] || exit 0
/opt/lbdisc/bin/python - <<'PY'
from importlib.metadata import distributions

for found in distributions():
    said = found.metadata
    classes = [c.rpartition(" :: ")[2] for c in said.get_all("Classifier") or () if c[:9] == "License :"]
    licence = said.get("License-Expression") or ";".join(classes) or said.get("License") or ""
    print("pypi", said["Name"], found.version, "", licence.partition("\n")[0], sep="\t")
PY
