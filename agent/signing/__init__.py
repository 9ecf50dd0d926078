"""Signed pictures: a signature in the stream for each half second, as ONVIF Media Signing 26.06 lays down for H.264.

Laws
- What is encoded is signed before anybody has it: segments and viewers get the same bytes.
- No picture waits for a signature, and none is lost for want of one.
- The device key vouches for the key that signs, and for nothing that did not leave this mast's encoders.
"""
