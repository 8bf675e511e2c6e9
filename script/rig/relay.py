"""A TCP relay on loopback that can be cut: the link between a gateway and the cloud, say."""
import select
import socket
import threading

from .broker import free_port


class Relay:
    def __init__(self, target_port):
        self.port = free_port()
        self.target_port = target_port
        self.bytes = 0
        self._is_cut = False
        self._closing = False
        self._lock = threading.Lock()
        self._pairs = set()
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(("127.0.0.1", self.port))
        self._listener.listen(16)
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def cut(self):
        """Ends every connection and takes no new one."""
        with self._lock:
            self._is_cut = True
            for pair in self._pairs:
                for end in pair:
                    try:
                        end.shutdown(socket.SHUT_RDWR)
                    except OSError:
                        pass

    def mend(self):
        with self._lock:
            self._is_cut = False

    def close(self):
        self._closing = True
        self.cut()
        self._listener.close()

    def _accept(self):
        while not self._closing:
            try:
                client, _ = self._listener.accept()
            except OSError:
                return
            with self._lock:
                if self._is_cut:
                    client.close()
                    continue
            try:
                server = socket.create_connection(("127.0.0.1", self.target_port), 2)
            except OSError:
                client.close()
                continue
            for end in (client, server):
                end.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._lock:
                self._pairs.add((client, server))
            threading.Thread(target=self._pump, args=(client, server), daemon=True).start()

    def _pump(self, client, server):
        other = {client: server, server: client}
        try:
            while True:
                ready, _, _ = select.select([client, server], [], [])
                for end in ready:
                    data = end.recv(1 << 16)
                    if not data:
                        return
                    self.bytes += len(data)
                    other[end].sendall(data)
        except OSError:
            pass
        finally:
            with self._lock:
                self._pairs.discard((client, server))
            client.close()
            server.close()
