"""``make run``: the whole spa on this machine, for a trial and for development.

Starts what is missing (servers, tables, content, a demo week), then the web server, the Celery
worker and Celery beat under one process manager. Ctrl-C stops everything that was started.
"""

import ctypes
import fcntl
import functools
import io
import os
import select
import shlex
import signal
import socket
import sys
import threading
from pathlib import Path
from types import FrameType
from typing import Any

from spa import embedded

HOST = "127.0.0.1"
PR_SET_PDEATHSIG = 1


class CannotRun(Exception):
    """Why the spa cannot run here, in one sentence that says what to do."""


def main() -> int:
    """Run the spa until it is stopped, and return the exit code."""
    # A closed terminal and a service manager stop the run as Ctrl-C does; nohup prevents that.
    for number in (signal.SIGHUP, signal.SIGTERM):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _interrupt)
    try:
        return _run()
    except (CannotRun, embedded.EmbeddedError) as reason:
        print(reason, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130


def _run() -> int:
    # First: it may name the port, the folder and the address.
    embedded.read_env()
    address = f"http://localhost:{port()}"
    lock = refuse_second_copy(embedded.var_dir(), address)
    refuse_taken_port(port())
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "spa.settings")
    os.environ["SITE_URL"] = os.environ.get("SITE_URL") or address
    print("Getting ready …", flush=True)
    embedded.start()
    prepare()
    print(welcome(address), flush=True)
    try:
        return _run_processes()
    finally:
        os.close(lock)


def port() -> int:
    """Return the port to serve on, from ``PORT``."""
    text = os.environ.get("PORT") or "8000"
    if not text.isdecimal() or not 0 < int(text) < 65536:
        raise CannotRun(f"PORT is {text!r}, but must be a number from 1 to 65535.")
    return int(text)


def refuse_second_copy(folder: Path, address: str) -> int:
    """Take the lock of the one running copy and return it; say where the other copy is."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "run.lock"
    lock = embedded.open_lock(path)
    if not embedded.try_lock(lock, fcntl.LOCK_EX):
        raise CannotRun(
            f"The spa is already running at {path.read_text() or 'another address'}: "
            "use that one, or stop it with Ctrl-C where it was started."
        )
    os.truncate(lock, 0)
    os.write(lock, address.encode())
    return lock


def refuse_taken_port(number: int) -> None:
    """Refuse a port that another program listens on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, number))
        except PermissionError:
            raise CannotRun(
                f"Port {number} is for the system only: choose another, "
                "for example PORT=8001 make run."
            ) from None
        except OSError:
            raise CannotRun(
                f"Port {number} is taken by another program: stop it, "
                f"or choose another port, for example PORT={number + 1} make run."
            ) from None


def prepare() -> None:
    """Bring tables, static files and content up to date; fill the diary on the first run."""
    import django

    django.setup()
    from django.conf import settings
    from django.core.management import CommandError, call_command
    from django.db import connections

    from bookings.models import Appointment

    call_command("migrate", interactive=False, verbosity=0)
    call_command("collectstatic", interactive=False, verbosity=0)
    call_command("load_content", stdout=io.StringIO())
    if settings.DEMO and not Appointment.objects.exists():
        print("Filling the diary with a demo week …", flush=True)
        try:
            call_command("load_demo", stdout=io.StringIO())
        except CommandError as reason:
            raise CannotRun(str(reason)) from None
    # The processes are forked from this one and must not share its connections.
    connections.close_all()


def logins_file() -> Path:
    """Return where ``load_demo`` writes down the logins that it made."""
    return embedded.var_dir() / "demo-logins.txt"


def welcome(address: str) -> str:
    """Return what a newcomer needs to know: addresses, logins, and where mail is."""
    logins = logins_file().read_text().strip() if logins_file().exists() else ""
    lines = [
        "",
        f"  The spa        {address}/",
        f"  Front desk     {address}/desk/",
        f"  Owners' pages  {address}/admin/",
        f"  Mail it sent   {address}/demo/mail/"
        if not os.environ.get("EMAIL_URL")
        else "  Mail it sends  goes to the server in EMAIL_URL",
        "",
        *(f"  {line}" for line in logins.splitlines()),
        "",
        "  Ctrl-C stops everything; the data stays.",
        "",
    ]
    return "\n".join(lines)


def commands() -> dict[str, list[str]]:
    """Return the command line of each process by name."""
    python = [sys.executable, "-m"]
    # As root Celery warns at length against what a trial in a container has to do.
    quiet = "-Wignore::UserWarning:celery.platforms"
    celery = [sys.executable, quiet, "-m", "celery", "--app=spa", "--quiet"]
    gunicorn = [*python, "gunicorn", "--log-level=warning", "--graceful-timeout=3"]
    bind = f"--bind={HOST}:{port()}"
    return {
        "web": [*gunicorn, bind, "--workers=2", "--threads=4", "spa.wsgi"],
        "worker": [*celery, "worker", "--concurrency=2", "--loglevel=WARNING"],
        "beat": [*celery, "beat", "--loglevel=WARNING", "--pidfile="],
    }


def _run_processes() -> int:
    from honcho.manager import Manager
    from honcho.printer import Message, Printer
    from honcho.process import Popen, Process

    class Child(Process):
        """A process that ends when this one is killed, where the system can see to that."""

        def run(self, *args: Any, **kwargs: Any) -> None:
            signal.signal(signal.SIGHUP, signal.SIG_IGN)
            _end_with_parent(signal.SIGKILL)
            end = functools.partial(_end_with_parent, signal.SIGTERM)
            self._child_ctor = functools.partial(Popen, preexec_fn=end)
            super().run(*args, **kwargs)

    class PatientManager(Manager):
        """A manager that may be stopped while it is still starting."""

        def terminate(self) -> None:
            if self._all_started():
                super().terminate()
            else:
                threading.Timer(0.1, self.terminate).start()

    class PatientPrinter(Printer):
        """A printer whose terminal may be closed: what is still to stop must be stopped."""

        def write(self, message: Message) -> None:
            try:
                super().write(message)
            except OSError:
                pass

    manager = PatientManager(PatientPrinter(sys.stdout))
    manager._process_ctor = Child
    for name, command in commands().items():
        manager.add_process(name, "exec " + shlex.join(command), cwd=str(embedded.BASE_DIR))
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        signal.signal(signal.SIGHUP, lambda number, frame: _stop_this())
        threading.Thread(target=_stop_when_terminal_closes, daemon=True).start()
    manager.loop()
    return int(manager.returncode or 0)


def _stop_this() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


def _stop_when_terminal_closes() -> None:
    """Stop this run when its terminal is closed: make keeps that news to itself."""
    if not sys.stdin.isatty():
        return
    closed = select.poll()
    closed.register(sys.stdin.fileno(), 0)
    closed.poll()
    _stop_this()


def _end_with_parent(number: int) -> None:
    """Have the system send this process a signal when its parent dies (Linux only)."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, number)


def _interrupt(number: int, frame: FrameType | None) -> None:
    raise KeyboardInterrupt


if __name__ == "__main__":
    sys.exit(main())
