"""What came of a call, as JSON for the test that runs these programs."""

import json
import sys


def outcome(work):
    try:
        return {"value": work()}
    except Exception as error:
        answered = getattr(error, "error", None)
        return {
            "error": type(error).__name__,
            "status": getattr(error, "status_code", None),
            "code": getattr(error, "error_code", None) or getattr(answered, "code", None),
            "innerCode": (getattr(answered, "innererror", None) or {}).get("code"),
            "message": getattr(answered, "message", None) or getattr(error, "message", None) or str(error),
        }


def tell(outcomes):
    json.dump(outcomes, sys.stdout)
