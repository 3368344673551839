"""Packages whose results are known from elsewhere: Realm's lines against those, without Node's."""

import base64
import hashlib
import json
import subprocess

import packages

INFLATE = """
const { bytes, lenOut } = require(process.argv[1]);
const module = require('zlib').inflateSync(Buffer.from(bytes, 'base64'));
if (module.length !== lenOut) throw new Error(`${module.length} bytes instead of ${lenOut}`);
process.stdout.write(module);
"""


def play(realm, name):
    """What Realm's lines hold, in the order of the case's steps."""
    case = packages.read_case(packages.CASES / f"{name}.json")
    return [json.loads(line) for line in packages.play_with_realm(case, realm)]


def bytes_of(line):
    return base64.b64decode(line["ok"]["$bytes"])


def test_module_without_glue(realm, tmp_path):
    """The module is text inside a JavaScript file: no generated JavaScript lies beside it."""
    root = packages.fetch(
        "@polkadot/wasm-crypto-wasm", "7.5.4",
        "sha512-PsHgLsVTu43eprwSvUGnxybtOEuHPES6AbApcs7y5ZbM2PiDMzYbAjNul098xJK/"
        "CPtrxZ0ePDFnaQBmIJyTFw==")
    module = tmp_path / "wasm_crypto.wasm"
    module.write_bytes(subprocess.run(["node", "-e", INFLATE, root / "cjs" / "bytes.js"],
                                      capture_output=True, check=True, timeout=60).stdout)
    steps = [{"do": "ext_twox", "args": ["abc", 2]}, {"do": "ext_sha256", "args": ["abc"]},
             {"do": "ext_twox", "args": [{"$bytes": "YWJj"}, 2]}]
    done = realm("call", module, "--steps", "-",
                 input_text="".join(json.dumps(step) + "\n" for step in steps))
    assert done.code == 0, done.err
    twox, sha256, again = map(json.loads, done.out.splitlines())
    assert bytes_of(twox).hex() == "990977adf52cbc440889329981caa9be"
    assert bytes_of(sha256) == hashlib.sha256(b"abc").digest()
    assert again == twox


def test_image_of_1024_bytes_is_compressed_to_86(realm):
    image = bytes_of(play(realm, "oxipng")[0])
    assert len(image) == 86
    assert hashlib.sha256(image).hexdigest().startswith("7338ed0fe6557b03")


def test_tokens_of_texts(realm):
    _, plain, others, special, *_ = play(realm, "tiktoken")
    assert plain == {"ok": [15339, 1917]}
    assert others == {"ok": [71, 19010, 385, 220, 3574, 244, 98220, 11410, 234, 235]}
    assert special["error"]["message"] == (
        "The text contains a special token that is not allowed: <|endoftext|>")


def test_regular_expressions(realm):
    made, found, none, replaced, refused, *_ = play(realm, "rregex")
    assert made == {"ok": {"$ref": "r"}}
    assert found == {"ok": {"start": 3, "end": 10, "value": "2024-05"}}
    assert none == {"ok": {"$undefined": True}}
    assert replaced == {"ok": "05/2024"}
    assert refused["error"]["message"].startswith("regex parse error:")
