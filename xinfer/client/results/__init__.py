"""The results of calls, for type checkers: at run time each is a plain dict.

What an engine answers may have more keys than are said here.
"""
