"""Call logs."""

from airflow_provider_pipedrive.catalog.declaring import action, delete, get, post
from airflow_provider_pipedrive.catalog.model import Paging, body, file, path
from airflow_provider_pipedrive.catalog.scopes import PHONE

ACTIONS = (
    action(
        "getUserCallLogs",
        "List the authorized user's call logs",
        get("/v1/callLogs", PHONE, tokens=20),
        result="records",
        paging=Paging("offset", 50),
    ),
    action(
        "addCallLog",
        "Add a call log",
        post("/v1/callLogs", PHONE, tokens=10),
        body(
            "outcome",
            "string",
            required=True,
            enum=("connected", "no_answer", "left_message", "left_voicemail", "wrong_number", "busy"),
        ),
        body("to_phone_number", "string", required=True),
        body("start_time", "datetime", required=True),
        body("end_time", "datetime", required=True),
        body("user_id", "integer"),
        body("activity_id", "integer"),
        body("subject", "string"),
        body("duration", "string"),
        body("from_phone_number", "string"),
        body("person_id", "integer"),
        body("org_id", "integer"),
        body("deal_id", "integer"),
        body("lead_id", "string"),
        body("note", "string"),
    ),
    action(
        "deleteCallLog",
        "Delete a call log",
        delete("/v1/callLogs/{id}", PHONE, tokens=6),
        path("id", "string"),
        result="nothing",
    ),
    action("getCallLog", "Get a call log", get("/v1/callLogs/{id}", PHONE, tokens=2), path("id", "string")),
    action(
        "addCallLogAudioFile",
        "Attach an audio file to a call log",
        post("/v1/callLogs/{id}/recordings", PHONE, tokens=10),
        path("id", "string"),
        file("file", required=True),
        result="upload",
    ),
)
