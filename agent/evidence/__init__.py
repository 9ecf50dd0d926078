"""Evidence: answers requisitions with packs that a court can check without this program.

A pack is a folder, and the same as a zip:

    LISEZMOI.txt README.txt                     what this is and how to check it, for people
    requisition.json                            the document that asked for it, byte for byte
    manifest.json manifest.json.sig             what is in it and what is not; the device's Ed25519 over the file
    segments/<camera>/<YYYY>/<MM>/<DD>/....mp4.age     the sealed recordings, untouched
    register/checkpoint register/proof.json     the register's signed head, and that the entries about it are in it
    register/witnessed                          the last head that a witness cosigned, where there is one
    timestamp/...                               RFC 3161, where a service is configured
    keys/device.pub keys/requisition-<n>.pub    public halves
    SHA256SUMS SHA256SUMS.sig                   every file but these two; the device's Ed25519 over it

Decides (pure): `names`, `manifest`, `gaps`, `gathering`, `proofs`, `leaflet`, `zip_layout`, `packing`.
Touches the world: `desk` (register, vault and pack in their order), `binding` (a pack's files), `stamping`
(its time-stamp), `shelf` (packs that
wait to be fetched), `download` (the zip's bytes), `copying` (the folder, on a stick).
"""
