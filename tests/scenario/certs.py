"""Certificates for a scenario, made by the openssl program."""
import shutil
import subprocess

from harness import Skip


class Authority:
    def __init__(self, folder, name="ca"):
        if not shutil.which("openssl"):
            raise Skip("no openssl")
        self.folder, self.name = folder, name
        self.cert, self.key = folder / f"{name}.pem", folder / f"{name}.key"
        self._run("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", self.key,
                  "-out", self.cert, "-days", "2", "-subj", f"/CN=Scenario {name}")

    @staticmethod
    def _run(*args):
        subprocess.run(["openssl", *map(str, args)], check=True, capture_output=True, timeout=30)

    def issue(self, common_name, alternative=None):
        """(certificate, key) for a name; alternative: what a client checks, such as IP:127.0.0.1."""
        stem = f"{self.name}-{common_name}"
        key, request, cert = (self.folder / f"{stem}.{end}" for end in ("key", "csr", "pem"))
        self._run("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-keyout", key, "-out",
                  request, "-subj", f"/CN={common_name}")
        extension = self.folder / f"{stem}.ext"
        extension.write_text(f"subjectAltName={alternative}\n" if alternative else "")
        self._run("x509", "-req", "-in", request, "-CA", self.cert, "-CAkey", self.key, "-CAcreateserial", "-days", "2",
                  "-out", cert, "-extfile", extension)
        return cert, key
