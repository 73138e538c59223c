"""A machine that runs replicas: node loop, shim, journal, probe, autopsy."""
