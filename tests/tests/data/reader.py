"""Reads a secret and verifies a record by docs/formats.md alone.

usage: reader.py secret HOME NAME [VERSION]      the value on stdout
       reader.py record HOME                     how many records there are, and the last mac

A passphrase is the first line of stdin. Needs Python's library and the package cryptography, and
zstd on PATH for packed segments.
"""

import hashlib
import hmac
import json
import subprocess
import sys
import tomllib
from base64 import b64decode, urlsafe_b64decode
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

CHUNK = 64 * 1024


def hkdf(secret, info, salt=None):
    return HKDF(algorithm=SHA256(), length=32, salt=salt, info=info).derive(secret)


def mac(key, text):
    return hmac.new(key, text, hashlib.sha256).digest()


def unpadded(text):
    return b64decode(text + b"=" * (-len(text) % 4))


# age v1


def bech32(text):
    letters = "qpzry9x8gf2tvdw0s3jn54khce6mua7l"
    digits = [letters.index(c) for c in text.lower().rsplit("1", 1)[1]][:-6]
    bits = "".join(f"{d:05b}" for d in digits)
    return bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits) - 7, 8))


def stanzas(header):
    lines = header.split(b"\n")[1:-1]
    while lines:
        first, body = lines.pop(0), b""
        assert first.startswith(b"-> ")
        while True:
            line = lines.pop(0)
            body += line
            if len(line) < 64:
                break
        yield first[3:].split(b" "), unpadded(body)


def unwrap(header, secret, passphrase):
    for words, body in stanzas(header):
        if words[0] == b"X25519" and secret:
            own = X25519PrivateKey.from_private_bytes(secret)
            share = unpadded(words[1])
            shared = own.exchange(X25519PublicKey.from_public_bytes(share))
            salt = share + own.public_key().public_bytes_raw()
            wrap = hkdf(shared, b"age-encryption.org/v1/X25519", salt)
        elif words[0] == b"scrypt" and passphrase is not None:
            salt = b"age-encryption.org/v1/scrypt" + unpadded(words[1])
            n = 1 << int(words[2])
            wrap = hashlib.scrypt(passphrase, salt=salt, n=n, r=8, p=1, maxmem=(2 << 30) - 1, dklen=32)
        else:
            continue
        try:
            return ChaCha20Poly1305(wrap).decrypt(bytes(12), body, None)
        except Exception:
            continue
    sys.exit("no stanza opens")


def age(file, secret=None, passphrase=None):
    end = file.index(b"\n---") + 4
    header, rest = file[:end], file[end:]
    line, payload = rest.split(b"\n", 1)
    key = unwrap(header[:-3], secret, passphrase)
    assert hmac.compare_digest(mac(hkdf(key, b"header"), header), unpadded(line.strip()))
    nonce, sealed = payload[:16], payload[16:]
    stream = ChaCha20Poly1305(hkdf(key, b"payload", nonce))
    plain, count = b"", 0
    while True:
        chunk, sealed = sealed[: CHUNK + 16], sealed[CHUNK + 16 :]
        last = not sealed
        plain += stream.decrypt(count.to_bytes(11, "big") + bytes([last]), chunk, None)
        count += 1
        if last:
            return plain


# the vault


def identity(home):
    """The age secret and the pin: vault id and its record key."""
    plain = home / "identity"
    if plain.exists():
        text = plain.read_text()
    else:
        passphrase = sys.stdin.buffer.readline().rstrip(b"\n")
        text = age((home / "identity.age").read_bytes(), passphrase=passphrase).decode()
    lines = text.splitlines()
    pin = next(line.split() for line in lines if line.startswith("# hasp vault "))
    secret = next(line for line in lines if line.startswith("AGE-SECRET-KEY-1"))
    return bech32(secret), pin[3], Ed25519PublicKey.from_public_bytes(b64decode(pin[5]))


def record(path, kind, name, vault, key):
    """The verified body of a signed record."""
    text = path.read_bytes().replace(b"\r\n", b"\n").rstrip(b"\n") + b"\n"
    first, body = text.split(b"\n", 1)
    signature = first.removeprefix(b'signature = "').removesuffix(b'"')
    serial = int(body.split(b"\n", 1)[0].removeprefix(b"serial = "))
    message = b"hasp/v1/" + kind + b"\0"
    for part in (vault.encode(), name.encode(), serial.to_bytes(8, "little"), body):
        message += len(part).to_bytes(8, "little") + part
    key.verify(urlsafe_b64decode(signature + b"=="), message)
    return tomllib.loads(body.decode())


def keys(home):
    secret, vault, pin = identity(home)
    settings = record(home / "vault/vault.toml", b"vault", "", vault, pin)
    assert settings["format"] == 1 and settings["id"] == vault
    root = age((home / "vault/keys.age").read_bytes(), secret)[:32]
    signing = Ed25519PrivateKey.from_private_bytes(hkdf(root, b"hasp/v1/record-signing"))
    assert signing.public_key().public_bytes_raw() == pin.public_bytes_raw()
    return secret, vault, pin, root


def read_secret(home, name, version=None):
    secret, vault, pin, root = keys(home)
    folder = home / "vault/items" / name
    meta = record(folder / "meta.toml", b"item", name, vault, pin)
    number = int(version or meta["current"])
    found = next(v for v in meta["version"] if v["number"] == number)
    file = (folder / found["file"]).read_bytes()
    assert hashlib.sha256(file).hexdigest() == found["sha256"]
    value = age(file, secret)
    print_key = hkdf(root, b"hasp/v1/fingerprint")
    assert mac(print_key, value)[:16].hex() == found["fp"] and len(value) == found["size"]
    sys.stdout.buffer.write(value)


# the record


def segments(log):
    number = 1
    while True:
        plain = log / f"{number:08}.jsonl"
        packed = log / f"{number:08}.jsonl.zst"
        if plain.exists():
            yield plain.read_bytes()
        elif packed.exists():
            yield subprocess.run(["zstd", "-dc", packed], check=True, capture_output=True).stdout
        else:
            return
        number += 1


def verify(home):
    _, vault, pin, root = keys(home)
    known = tomllib.loads((home / "known_vaults").read_text())["vault"]
    log = next(v["log"] for v in known if v["id"] == vault)
    key = hkdf(hkdf(root, b"hasp/v1/audit-root"), b"hasp/v1/audit/log/" + log.encode())
    last, count = bytes(32), 0
    for segment in segments(home / "audit" / log):
        for line in segment.splitlines():
            covered, _, _ = line.rpartition(b',"mac":')
            fields = json.loads(line)
            assert fields["n"] == count, f"record {count} has another number"
            assert fields["prev"] == last.hex(), f"record {count} does not follow"
            last = mac(key, covered)
            assert fields["mac"] == last.hex(), f"record {count} has another mac"
            key, count = mac(key, b"hasp/v1/audit/evolve"), count + 1
    note = (home / "audit" / log / "checkpoint").read_bytes()
    text, signed = note.split("\n\n\u2014 ".encode())
    pin.verify(b64decode(signed.split()[1])[4:], text + b"\n")
    assert text.splitlines()[0] == b"hasp-audit/" + log.encode()
    assert int(text.splitlines()[1]) <= count
    print(count, last.hex())


if __name__ == "__main__":
    verb, home, *rest = sys.argv[1:]
    {"secret": read_secret, "record": verify}[verb](Path(home), *rest)
