"""Units of work on the machines of a Ray cluster; what a unit does is the caller's.

unit_plan     which work is done together, and in which order
ray_session   the connection to a cluster: nodes, resources; Ray's own messages stay in its logs
event_box     reports of the workers and the wish to cancel, in a process that all can reach
worker_task   a unit in a worker's process: faults of the user come back as values, which Ray does not repeat
unit_pool     units submitted as places become free; workers that end are replaced by Ray
worker_facts  versions, device and precision of workers, compared
"""
