"""Control: what a person at the box asks of the running agent, through `<state>/control.sock`.

Laws
- One process owns the state; a command that would write it goes through that process, and works on the files itself
  only when none runs.
- Only the agent's own user and root are answered (SO_PEERCRED, unix(7)); the socket is 0600 in a folder that is 0700.
- One request a connection: one JSON line each way, both bounded, both with a deadline; few connections at a time.
- What is asked is a `command` and its arguments; what is answered has `ok` and, where it is false, a stable `word`. The
  sentence for it is made by the one who asked, in their language.

    {"command":"aim-approve","camera":"parvis-fixed","by":"C. Durand"}  ->  {"ok":true}
"""
