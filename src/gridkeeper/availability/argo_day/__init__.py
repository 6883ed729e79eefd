"""A day judged from files in ARGO's shapes: what its connectors deliver and what its profiles say, without a registry.

reading: files.py (JSON), metric_data.py (results); documents.py, recomputations.py and day.py make values of them,
judgement.py judges them by the plan, output.py prints them, command.py is the command.
"""
