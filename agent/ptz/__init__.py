"""A turning head: where it points, as a set that surely holds the truth, and who may turn it.

    evidence  reports of the head and the pictures' own motion, as values        (decides)
    motion    two small luma pictures -> how the whole picture moved             (decides; sees plain luma)
    path, belief, track   evidence -> PoseSet or Blind for each frame            (decide)
    orders    JSON -> order                    lease    who holds the head       (decide)
    pilot     orders, time and pose -> what the head is told                     (decides)
    onvif     the head itself, over onvif-zeep; wire and digest under it         (touch the network)
    head      the threads that poll and steer  helm     orders -> answers        (shells)

Laws
- A pose is a set: everything the head can have been at while the picture was exposed, given how late reports and
  pictures may be. Where the evidence contradicts itself the answer is Blind.
- Stop overtakes every other order, and a head that nobody keeps steering stops by itself.
"""
