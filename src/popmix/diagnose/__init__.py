"""Floor 7, diagnose: functions of a fit that say whether the model is any good. Import them from their files: pictures are heavy."""
