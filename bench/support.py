"""What all measurements share: where things are, programs that are run, rows and medians."""

import json
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
BIN = ROOT / "build" / "release" / "bin"
COMMAND_S = 600


def run(*command):
    done = subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          timeout=COMMAND_S, check=False)
    if done.returncode != 0:
        sys.exit(f"bench: {' '.join(map(str, command))}: exit status {done.returncode}\n"
                 f"{done.stderr}")
    return done.stdout


def row(name, value, unit, better, peer=None, peer_value=None):
    ratio = None if not peer_value else round(value / peer_value, 4)
    whole = {"name": name, "value": value, "unit": unit, "peer": peer, "peer_value": peer_value,
             "ratio": ratio, "better": better}
    return {key: part for key, part in whole.items() if part is not None}


def median(results, key):
    return round(statistics.median(result[key] for result in results), 2)


def percentile_99(values):
    ordered = sorted(values)
    return ordered[len(ordered) * 99 // 100]


def write_tenants(file, keys):
    """A configuration with one tenant for each name and key."""
    hashes = {name: run(BIN / "realm", "key", "hash", key).strip() for name, key in keys.items()}
    file.write_text("".join(f'[[tenants]]\nname = "{name}"\nkeys = ["{hashed}"]\n'
                            for name, hashed in hashes.items()))
    return file


def print_table(rows):
    print(f"\n{'name':<36} {'value':>12} {'unit':<6} {'peer value':>12} {'ratio':>8}  better")
    for entry in rows:
        peer = f"{entry['peer_value']:.2f}" if "peer" in entry else "-"
        ratio = f"{entry['ratio']:.3f}" if "ratio" in entry else "-"
        print(f"{entry['name']:<36} {entry['value']:>12.2f} {entry['unit']:<6} {peer:>12} "
              f"{ratio:>8}  {entry['better']}")


def load(port, plan, folder):
    """Drives the server on a port with a plan of load_client; gives its requests' results."""
    file = folder / "plan.json"
    file.write_text(json.dumps(plan))
    return json.loads(run(BIN / "load_client", port, file))["requests"]
