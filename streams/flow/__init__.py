"""The pipeline's decisions as functions: a record and a table's rows in, records to send out.

No handler does I/O or keeps anything but the rows it was given, so that the simulator can crash
between any two puts. Three rules make a replay harmless: a row is put before what follows from
it is returned; a row keeps the offset it reflects; an offset met again sends again what the row
now implies.
"""
