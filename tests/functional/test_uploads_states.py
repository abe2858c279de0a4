"""From uploading to consumed or expired, and what is refused on the way."""

import pytest

from flashpods_test import jobs, uploads
from flashpods_test.http import refusal
from flashpods_test.uploads import as_seen_by_a_job, on_disk, refused
from flashpods_test.waiting import wait_until


def test_after_finalize_nothing_more_gets_in(daemon, tree):
    upload_id = jobs.upload(daemon, tree)
    (tree / "late").write_text("too late")
    assert "is finalized" in refused(daemon, tree, upload_id)
    refusal(daemon.api.post(f"/uploads/{upload_id}/finalize"), 409, "already_finalized")
    assert "late" not in as_seen_by_a_job(daemon, upload_id)


def test_a_consumed_upload_belongs_to_its_job(daemon, tree):
    upload_id = jobs.upload(daemon, tree)
    job_id = jobs.create(
        daemon, jobs.worker(f"ls /work; {jobs.HOLD}; cat /work/hello.txt", files_id=upload_id)
    )
    jobs.wait_for(daemon, job_id, {"running"})
    seen = daemon.api.get(f"/uploads/{upload_id}").json()
    assert (seen["state"], seen["job_id"]) == ("consumed", job_id)
    assert seen["consumed_at"]
    assert "consumed" in refused(daemon, tree, upload_id)
    refusal(daemon.api.post(f"/uploads/{upload_id}/finalize"), 409, "already_consumed")
    refusal(daemon.api.delete(f"/uploads/{upload_id}"), 409, "already_consumed")
    refusal(daemon.api.post("/jobs", jobs.worker("true", files_id=upload_id)), 409, "upload_in_use")
    jobs.let_go(daemon, job_id)
    assert jobs.wait_for(daemon, job_id)["status"] == "completed"
    assert jobs.output(daemon, job_id).endswith("hello\n")
    assert "consumed" in refused(daemon, tree, upload_id)


@pytest.mark.parametrize("finalized", [False, True])
def test_a_deleted_upload_is_gone(daemon, tree, finalized):
    upload_id = jobs.upload(daemon, tree) if finalized else jobs.new_upload_id()
    if not finalized:
        jobs.rsync(daemon, tree, upload_id)
    reply = daemon.api.delete(f"/uploads/{upload_id}")
    assert (reply.status, reply.json()["state"]) == (200, "expired")
    assert "was deleted" in refused(daemon, tree, upload_id)
    assert uploads.state(daemon, upload_id) == "expired"
    refusal(daemon.api.post(f"/uploads/{upload_id}/finalize"), 410, "upload_expired")
    refusal(daemon.api.delete(f"/uploads/{upload_id}"), 410, "upload_expired")
    refusal(
        daemon.api.post("/jobs", jobs.worker("true", files_id=upload_id)), 410, "upload_expired"
    )
    wait_until(lambda: not on_disk(daemon, upload_id), what="the files' removal")


def test_uploads_that_never_were(daemon):
    unknown = jobs.new_upload_id()
    refusal(daemon.api.get(f"/uploads/{unknown}"), 404, "upload_not_found")
    refusal(daemon.api.delete(f"/uploads/{unknown}"), 404, "upload_not_found")
    refusal(daemon.api.post(f"/uploads/{unknown}/finalize"), 404, "upload_not_found")
    refusal(
        daemon.api.post("/jobs", jobs.worker("true", files_id=unknown)), 404, "upload_not_found"
    )


def test_a_job_takes_only_finalized_uploads(daemon, tree):
    upload_id = jobs.new_upload_id()
    jobs.rsync(daemon, tree, upload_id)
    refusal(
        daemon.api.post("/jobs", jobs.worker("true", files_id=upload_id)),
        409,
        "upload_not_finalized",
    )


def test_an_upload_serves_one_job(daemon, tree):
    upload_id = jobs.upload(daemon, tree)
    first = jobs.create(daemon, jobs.worker("true", files_id=upload_id))
    error = refusal(
        daemon.api.post("/jobs", jobs.worker("true", files_id=upload_id)), 409, "upload_in_use"
    )
    assert first in error["message"]


def test_the_upload_of_a_job_that_never_ran_is_expired(daemon, tree):
    upload_id = jobs.upload(daemon, tree)
    job = jobs.run(daemon, "true", image="localhost/nothing:1", files_id=upload_id)
    assert (job["status"], job["error"]) == ("failed", "image_not_found")
    assert uploads.state(daemon, upload_id) == "expired"
    refusal(
        daemon.api.post("/jobs", jobs.worker("true", files_id=upload_id)), 410, "upload_expired"
    )
