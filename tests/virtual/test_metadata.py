"""The virtual camera's metadata track, as stock players see it, and its profile, as a stock ONVIF client reads it."""

import asyncio
import json
import subprocess

from onvif import ONVIFCamera

from agent.virtual.rtsp_server import Access
from tests.needs import needs
from tests.ptz.device import virtual_head
from tests.rig.child import async_child


@needs("ffprobe", "ffmpeg")
async def test_ffprobe_sees_a_data_track_beside_the_picture() -> None:
    with virtual_head("none", metadata=True) as rig:
        rig.rtsp._access = Access()
        command = ["ffprobe", "-v", "error", "-rtsp_transport", "tcp", "-allowed_media_types", "data"]
        command += ["-show_entries", "stream=codec_type:packet=size", "-read_intervals", "%+#3", "-of", "json"]
        async with async_child(*command, rig.rtsp.url, stdout=subprocess.PIPE) as probe:
            out, _ = await asyncio.wait_for(probe.communicate(), 20)
    told = json.loads(out)
    assert [one["codec_type"] for one in told["streams"]] == ["data"]
    assert len(told["packets"]) == 3
    assert all(300 < int(one["size"]) < 1400 for one in told["packets"])


def test_a_stock_client_reads_the_metadata_configuration_only_where_it_is_offered() -> None:
    for offered in (True, False):
        with virtual_head(metadata=offered) as rig:
            media = ONVIFCamera("127.0.0.1", rig.server.port, "vigie", "secret").create_media_service()
            [profile] = media.GetProfiles()
            assert (profile.MetadataConfiguration is not None) == offered
            if offered:
                assert profile.MetadataConfiguration.PTZStatus.Position is True
                assert profile.MetadataConfiguration.PTZStatus.Status is True
