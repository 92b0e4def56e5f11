"""The engine's own errors. Each message says what was given, what is accepted, and how to mend it."""


class FMNISTError(Exception):
    """Base of every error the engine raises on purpose; its text may be shown to a visitor."""


class DatasetError(FMNISTError):
    """The Fashion-MNIST files are missing, unreadable or not the original ones."""


class SettingsError(FMNISTError):
    """A setting is outside its range, or of the wrong kind."""


class RunNotFound(FMNISTError):
    """No finished run is stored under this address."""


class RunDamaged(FMNISTError):
    """A stored run is incomplete, or its bytes have changed since it was published."""


class StoreUnreachable(FMNISTError, OSError):
    """The place where finished runs lie does not answer just now; also an `OSError`, since one was behind it."""


class JobRefused(FMNISTError):
    """The queue does not take this job: it is full, or has no worker."""
