"""edgefair: small medical-imaging models for clinics without internet, and for whom they work.

Research use only; not a medical device.
"""

__version__ = "0.1.0"
