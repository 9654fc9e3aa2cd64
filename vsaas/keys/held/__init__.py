"""Customer-held keys: the customer's browsers make and hold the keys, the portal keeps what is public or sealed.

`custody` says who holds the keys, `own` keeps people's own keys, `switch` moves an organisation over, `requests` has
holders sign what the portal cannot, `people` says who should hold which key of a camera, `rolls` which keys to change.
"""
