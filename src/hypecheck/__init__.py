"""Small instruments for judging genomic foundation models honestly.

Import the module you need; importing the package alone stays cheap.

Examples
--------
>>> import hypecheck
>>> hypecheck.__version__
'0.1.0'
"""

__version__ = "0.1.0"
