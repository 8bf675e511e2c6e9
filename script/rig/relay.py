"""A TCP relay for MQTT on loopback: the link between a gateway and the cloud, say. It can be cut, slowed, and can lose
single frames."""
import select
import socket
import threading
import time

from .broker import free_port

PUBLISH = 3


class _Packets:
    """Cuts one direction of a connection into MQTT packets."""

    def __init__(self):
        self.buffer = b""

    def take(self, data):
        self.buffer += data
        packets, begin = [], 0
        while (end := self._end(begin)) is not None:
            packets.append(self.buffer[begin:end])
            begin = end
        self.buffer = self.buffer[begin:]
        return packets

    def _end(self, begin):
        length = 0
        for at, byte in enumerate(self.buffer[begin + 1:begin + 5]):
            length |= (byte & 0x7F) << (7 * at)
            if byte < 0x80:
                end = begin + at + 2 + length
                return end if len(self.buffer) >= end else None
        return None


def topic_of(packet):
    """The topic of a PUBLISH packet, else None."""
    if packet[0] >> 4 != PUBLISH:
        return None
    at = 1
    while packet[at] >= 0x80:
        at += 1
    size = int.from_bytes(packet[at + 1:at + 3], "big")
    return packet[at + 3:at + 3 + size].decode(errors="replace")


class Relay:
    """keep(topic): called for each published message, in either direction; false loses it. piece_bytes: the most that is
    passed on at once, with piece_pause_s between."""

    def __init__(self, target_port=None):
        self.port = free_port()
        self.target_port = target_port
        self.bytes = 0
        self.keep = None
        self.lost = 0
        self.piece_bytes = 0
        self.piece_pause_s = 0.0
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
                refused = self._is_cut
            try:
                if refused:
                    raise OSError("cut")
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
        packets = {client: _Packets(), server: _Packets()}
        try:
            while True:
                ready, _, _ = select.select([client, server], [], [])
                for end in ready:
                    data = end.recv(1 << 16)
                    if not data:
                        return
                    self.bytes += len(data)
                    self._pass_on(self._thinned(packets[end].take(data)), other[end])
        except OSError:
            pass
        finally:
            with self._lock:
                self._pairs.discard((client, server))
            client.close()
            server.close()

    def _thinned(self, packets):
        kept = []
        for packet in packets:
            topic = topic_of(packet)
            keep = self.keep
            if topic is not None and keep is not None and not keep(topic):
                self.lost += 1
            else:
                kept.append(packet)
        return b"".join(kept)

    def _pass_on(self, data, end):
        size = self.piece_bytes or len(data)
        for at in range(0, len(data), max(size, 1)):
            if at and self.piece_pause_s:
                time.sleep(self.piece_pause_s)
            end.sendall(data[at:at + size])
