"""Intake, probe, plan, dispatch, recovery: the job state machine."""
