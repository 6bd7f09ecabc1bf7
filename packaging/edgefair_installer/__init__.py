"""What installs edgefair, keeps the version before, and takes both away again.

It travels inside of every installer and runs on the Python that the installer carries, or on the
one of the version that is already there. Nothing here imports edgefair: a version that does not
start must still be replaced.
"""
