"""Sending the same bytes to many sockets with one system call, by Linux' io_uring.

A system call for each socket is what limits a broadcast, and calling it from Python costs as much again as entering the
kernel. Here the requests are laid out by slices, without a loop in Python, and the kernel takes hundreds at once.

Structures and constants are those of `linux/io_uring.h`, as io_uring_setup(2) and io_uring_enter(2) describe them.
"""

from __future__ import annotations

import contextlib
import ctypes
import mmap
import os
import socket
import sys
from array import array

_SETUP, _ENTER = 425, 426  # system calls; new ones have the same number on every architecture
_SUBMIT_ALL, _SINGLE_ISSUER, _DEFER_TASKRUN = 1 << 7, 1 << 12, 1 << 13  # Linux 6.1
_SINGLE_MMAP = 1 << 0
_GET_EVENTS = 1 << 0
_SUBMISSIONS_OFFSET = 0x10000000
_SEND = int.from_bytes((26, 0, 0, 0), sys.byteorder)  # the operation is the first byte of its word
_REQUEST_WORDS = 64 // 4
_OPERATION_WORD, _DESCRIPTOR_WORD, _LENGTH_WORD, _FLAGS_WORD, _NAME_WORD = 0, 1, 6, 7, 8
_ADDRESS_LONG_WORD = 2  # of eight bytes
_RESULT_WORDS = 16 // 4
_U32 = 0xFFFF_FFFF

# Nothing may wait for a peer: whoever cannot take the bytes at once answers EAGAIN.
_SEND_FLAGS = socket.MSG_DONTWAIT | socket.MSG_NOSIGNAL if sys.platform == "linux" else 0


def _u32s(names: str) -> list[tuple[str, type[ctypes.c_uint32]]]:
    return [(name, ctypes.c_uint32) for name in names.split()]


class _Offsets(ctypes.Structure):
    """`struct io_sqring_offsets` and `io_cqring_offsets`: where in the ring what stands, in bytes."""

    _fields_ = (
        *_u32s("head tail mask entries flags_or_overflow dropped_or_completions places_or_flags"),
        ("reserved", ctypes.c_uint32 * 3),
    )


class _Parameters(ctypes.Structure):
    """`struct io_uring_params`."""

    _fields_ = (
        *_u32s("submission_entries completion_entries flags thread_cpu thread_idle features workers_fd"),
        ("reserved", ctypes.c_uint32 * 3),
        ("submissions", _Offsets),
        ("completions", _Offsets),
    )


class Ring:
    """Used by one thread, the one that made it."""

    def __init__(self, entries: int = 512) -> None:
        """Room for so many sends at once, a power of two; raises `OSError` where the kernel offers no io_uring."""
        if sys.platform != "linux":
            raise OSError("io_uring is Linux'")
        # The lock of the interpreter is kept: nothing here waits, and to get it back can take longer than the call.
        self._system_call = ctypes.PyDLL(None, use_errno=True).syscall
        self._system_call.argtypes = [ctypes.c_long] * 7
        parameters = _Parameters(flags=_SUBMIT_ALL | _SINGLE_ISSUER | _DEFER_TASKRUN)
        self._descriptor = self._call(_SETUP, entries, ctypes.addressof(parameters))
        try:
            self._map(parameters)
        except BaseException:
            os.close(self._descriptor)
            raise

    def _map(self, parameters: _Parameters) -> None:
        if not parameters.features & _SINGLE_MMAP:
            raise OSError("this kernel's io_uring is too old")
        submissions, completions = parameters.submissions, parameters.completions
        self._entries: int = parameters.submission_entries
        self._completed_entries: int = parameters.completion_entries
        length = max(
            submissions.places_or_flags + 4 * self._entries,
            completions.dropped_or_completions + 16 * self._completed_entries,
        )
        shared = memoryview(mmap.mmap(self._descriptor, length))[: length // 4 * 4]
        self._rings, self._results = shared.cast("I"), shared.cast("i")
        requests = mmap.mmap(self._descriptor, 64 * self._entries, offset=_SUBMISSIONS_OFFSET)
        self._words, self._long_words = memoryview(requests).cast("i"), memoryview(requests).cast("Q")
        self._tail = submissions.tail // 4
        self._completed_head, self._completed_tail = completions.head // 4, completions.tail // 4
        self._first_completion = completions.dropped_or_completions // 4
        self._data = b""  # what all requests point at; kept, so that its address stays its own
        for place in range(self._entries):
            self._rings[submissions.places_or_flags // 4 + place] = place
            for word, value in ((_OPERATION_WORD, _SEND), (_FLAGS_WORD, _SEND_FLAGS), (_NAME_WORD, place)):
                self._words[_REQUEST_WORDS * place + word] = value

    def close(self) -> None:
        """The mappings end with the last view of them."""
        for view in (self._results, self._rings, self._words, self._long_words):
            view.release()
        os.close(self._descriptor)

    def send(self, descriptors: array[int], data: bytes) -> dict[int, int]:
        """Send `data` to each of these open sockets (an array of type `i`), which do not block.

        Returns, by its index, how many bytes a socket took that did not take all: 0 when it is full or broken.
        """
        short: dict[int, int] = {}
        for start in range(0, len(descriptors), self._entries):
            some = descriptors[start : start + self._entries]
            for index, taken in self._send_some(some, data).items():
                short[start + index] = taken
        return short

    def _send_some(self, descriptors: array[int], data: bytes) -> dict[int, int]:
        count, tail = len(descriptors), self._rings[self._tail]
        first = tail & (self._entries - 1)
        self._lay_out(first, descriptors, data)
        self._rings[self._tail] = tail + count & _U32
        submitted = self._submit(count)
        # What the kernel would not even look at must not stay: its data is gone by the next time.
        self._rings[self._tail] = tail + submitted & _U32
        short = dict.fromkeys(range(submitted, count), 0)
        for place, result in self._take_short_results(submitted, len(data)):
            short[(place - first) % self._entries] = max(0, result)
        return short

    def _lay_out(self, first: int, descriptors: array[int], data: bytes) -> None:
        """The fields of the requests that change: from the `first` on and around the end, for all at once."""
        if data is not self._data:
            address = ctypes.cast(ctypes.c_char_p(data), ctypes.c_void_p).value or 0
            self._long_words[_ADDRESS_LONG_WORD :: _REQUEST_WORDS // 2] = array("Q", [address]) * self._entries
            self._words[_LENGTH_WORD::_REQUEST_WORDS] = array("i", [len(data)]) * self._entries
            self._data = data
        where = memoryview(descriptors)
        for place, part in ((first, where[: self._entries - first]), (0, where[self._entries - first :])):
            end = _REQUEST_WORDS * (place + len(part))
            self._words[_REQUEST_WORDS * place + _DESCRIPTOR_WORD : end : _REQUEST_WORDS] = part

    def _submit(self, count: int) -> int:
        """How many the kernel took; returns when these are done."""
        try:
            submitted = self._call(_ENTER, self._descriptor, count, count, _GET_EVENTS)
        except OSError:  # out of memory, say
            return 0
        while self._rings[self._completed_tail] - self._rings[self._completed_head] & _U32 < submitted:
            with contextlib.suppress(InterruptedError):
                self._call(_ENTER, self._descriptor, 0, submitted, _GET_EVENTS)
        return submitted

    def _take_short_results(self, count: int, whole: int) -> list[tuple[int, int]]:
        """Of the requests that are done, place and result (`struct io_uring_cqe`) of those that did not send all."""
        head = self._rings[self._completed_head]
        first = head & (self._completed_entries - 1)
        short: list[tuple[int, int]] = []
        rest = count - min(count, self._completed_entries - first)
        for start, length in ((first, count - rest), (0, rest)):
            begin = self._first_completion + _RESULT_WORDS * start
            end = begin + _RESULT_WORDS * length
            results = self._results[begin + 2 : end : _RESULT_WORDS].tolist()
            if results.count(whole) < length:
                places = self._rings[begin:end:_RESULT_WORDS]
                short += [(place, result) for place, result in zip(places, results, strict=True) if result < whole]
        self._rings[self._completed_head] = head + count & _U32
        return short

    def _call(self, number: int, *arguments: int) -> int:
        result = int(self._system_call(number, *arguments, *[0] * (6 - len(arguments))))
        if result < 0:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error))
        return result
