"""Commands: a schema with the models Order and Done, and a program that notes how often it ran for each order."""

_MODELS = ("  models: {\n", """  models: {
    Order: {
      pk: {type: String, value: 'order#'},
      sk: {type: String, value: 'order#${name}'},
      name: {type: String, required: true},
    },
    Done: {
      pk: {type: String, value: 'done#'},
      sk: {type: String, value: 'done#${name}'},
      name: {type: String, required: true},
      code: {type: Number, required: true},
      output: {type: String},
    },
""")
_PROCESS = ("  process: {\n", "  process: {\n    Order: {sync: 'down', answer: 'Done'},\n    Done: {sync: 'up'},\n")


def schema_with_orders(rig):
    """The rig's schema and these two models, as a file of its own."""
    text = rig.schema.read_text()
    for old, new in (_MODELS, _PROCESS):
        assert old in text, f"{old!r} is not in {rig.schema}"
        text = text.replace(old, new)
    path = rig.folder / "orders.json5"
    path.write_text(text)
    return path


class OrderProgram:
    """What `tidegate command run Order` runs. It stands still while the file `wait` is there."""

    def __init__(self, folder, code=0):
        folder.mkdir(exist_ok=True)
        self._runs = folder / "runs"
        self.wait = folder / "wait"
        self.path = folder / "order"
        self.path.write_text(f"""#!/bin/sh
name=$(sed 's/.*"name":"\\([^"]*\\)".*/\\1/')
echo "$name" >> {self._runs}
while [ -e {self.wait} ]; do sleep 0.05; done
echo "did $name"
exit {code}
""")
        self.path.chmod(0o755)

    def runs(self):
        """name -> how often it ran."""
        names = self._runs.read_text().split() if self._runs.exists() else []
        return {name: names.count(name) for name in names}
