"""Aim: does a camera that stands still point where it did when its masks were drawn, and is any lens covered?

Masks of a fixed or panoramic camera lie in the picture. A camera that was knocked has lost them, so its live edges are
compared, twice a second, against references: edges of at most 160x90, taken from burned pictures, without masked areas.

Laws
- What moved by more than `AIM_PX` (0.75 % of the picture's width) is blind until `vigie aim approve`; that is kept on
  disk and survives a restart, a reload and the camera's way back.
- The aim must be proven after every gap: start, reconnection, a dark or covered picture. Until a reference is found
  again in its place, every picture that shows anything is blind; `aim-unsure` ends by itself, `aim-lost` never does.
- References change only by proof: a new one is taken from pictures that lie on an old one, its offset from the very
  first ones is kept with it and added to whatever is measured against it, and so is its possible error. When that error
  would reach `MOST_SLACK_PX`, no more are derived. A drift of any slowness is therefore told in full.

Why a covered or defocused lens raises tamper and does not blind by itself: what has no edge at 160 columns holds
nothing that anybody could recognise. A mask's mosaic has at most 45 cells across, and a small pixel is the mean of
many, so that faint shapes show there before they show to the eye. Fog and a black night are such pictures too, and may
last. But the aim is unknown from then on: each single picture is looked at, and the first one that shows edges which
are in no reference's place is blind. A lens that is covered, turned and uncovered does not come back unmasked; a fog
that lifts, does. A street by night, in which less than four regions show anything, is known by those alone: all of
them must be found in their place. A defocused picture still has its large edges, which are compared as before.

Changed masks or another picture size need no approval: references, like masks, are in fractions of the picture, and
what they share with the new picture must still lie in its place. What lies under a new mask is wiped from them first.
Whoever may write the configuration can move the masks anyway; a lost aim stays lost through it.

What can move unseen: nothing for longer than two looks (0.5 s and 0.125 s) when it moves far, about three seconds when
it moves by little more than `AIM_PX`, as a swinging mast must not trip it: there the median of two seconds counts.

What is not told apart: whatever hides more than four fifths of the picture for ten seconds (a lorry before the lens, or
another place) is taken for another place. What nobody can compare, as in the dark, is told as an issue after an hour.
"""
