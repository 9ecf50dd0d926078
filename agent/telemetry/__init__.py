"""Tells the CSU how the mast is: facts -> issues, topics and payloads, Home Assistant discovery, the MQTT link."""
