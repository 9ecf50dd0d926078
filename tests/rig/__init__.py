"""Real peers for the tests: footage, an RTSP camera that can be made to fail, ffmpeg and motion."""
