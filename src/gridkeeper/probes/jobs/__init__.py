"""Round trips of jobs: list match, submission, wait, fetch and clean-up, through any kind of computing element.

`round_trip.run_job` leads a job through its stages; an adapter (`adapters.adapter_named`) speaks with the computing
element; `payload` writes the script whose tests ride in the job; `verdicts` says what each test is told of the trip.
"""
