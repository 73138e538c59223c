"""The whole API of a server as methods of one object."""

from __future__ import annotations

from xinfer.client import (
    access,
    autostart,
    catalog,
    cluster,
    downloads,
    models,
    recipe,
    relaunch,
    replicas,
)
from xinfer.client.call import Json
from xinfer.client.handles import handle_kind
from xinfer.client.sync import Executor, of_client, streamed
from xinfer.client.sync_handles import HANDLES


class RESTfulClient(Executor):
    """A server's API as methods. `base_url` is the server's address without `/v1`."""

    list_models = of_client(models.list_models)
    describe_model = of_client(models.describe_model)
    launch_model = of_client(models.launch_model)
    terminate_model = of_client(models.terminate_model)
    cancel_launch_model = of_client(models.cancel_launch_model)
    get_launch_model_progress = of_client(models.get_launch_model_progress)
    get_instance_info = of_client(models.get_instance_info)
    get_events = of_client(models.get_events)
    get_timeline = of_client(models.get_timeline)
    get_logs = streamed(models.get_logs)
    abort_request = of_client(models.abort_request)

    list_replicas = of_client(replicas.list_replicas)
    add_model_replica = of_client(replicas.add_model_replica)
    terminate_model_replica = of_client(replicas.terminate_model_replica)

    get_autostart_config = of_client(autostart.get_autostart_config)
    get_autostart_model_summary = of_client(autostart.get_autostart_model_summary)
    upsert_autostart_model = of_client(autostart.upsert_autostart_model)
    remove_autostart_model = of_client(autostart.remove_autostart_model)

    get_recipe = of_client(recipe.get_recipe)
    put_recipe = of_client(recipe.put_recipe)

    register_model = of_client(catalog.register_model)
    unregister_model = of_client(catalog.unregister_model)
    list_model_registrations = of_client(catalog.list_model_registrations)
    get_model_registration = of_client(catalog.get_model_registration)
    get_model_versions = of_client(catalog.get_model_versions)
    launch_model_version = of_client(catalog.launch_model_version)
    query_engine_by_model_name = of_client(catalog.query_engine_by_model_name)
    list_engines = of_client(catalog.list_engines)
    list_families = of_client(catalog.list_families)
    list_prompts = of_client(catalog.list_prompts)
    vllm_models = of_client(catalog.vllm_models)
    estimate_memory = of_client(catalog.estimate_memory)
    list_cached_models = of_client(catalog.list_cached_models)
    list_deletable_models = of_client(catalog.list_deletable_models)
    confirm_and_remove_model = of_client(catalog.confirm_and_remove_model)

    cache_model = of_client(downloads.cache_model)
    get_cache_model_progress = of_client(downloads.get_cache_model_progress)
    cancel_cache_model = of_client(downloads.cancel_cache_model)
    list_downloads = of_client(downloads.list_downloads)
    pause_download = of_client(downloads.pause_download)
    resume_download = of_client(downloads.resume_download)
    forget_download = of_client(downloads.forget_download)

    get_status = of_client(cluster.get_status)
    get_cluster_info = of_client(cluster.get_cluster_info)
    get_cluster_auth = of_client(cluster.get_cluster_auth)
    get_supervisor_info = of_client(cluster.get_supervisor_info)
    get_workers_info = of_client(cluster.get_workers_info)
    get_address = of_client(cluster.get_address)
    get_version = of_client(cluster.get_version)
    get_device_count = of_client(cluster.get_device_count)
    get_progress = of_client(cluster.get_progress)
    abort_cluster = of_client(cluster.abort_cluster)

    whoami = of_client(access.whoami)
    create_key = of_client(access.create_key)
    list_keys = of_client(access.list_keys)
    get_key = of_client(access.get_key)
    change_key = of_client(access.change_key)
    revoke_key = of_client(access.revoke_key)
    create_user = of_client(access.create_user)
    list_users = of_client(access.list_users)
    change_user = of_client(access.change_user)
    set_password = of_client(access.set_password)
    remove_user = of_client(access.remove_user)
    get_usage = of_client(access.get_usage)
    search_audit = of_client(access.search_audit)

    reload_model = of_client(relaunch.reload_model)
    get_model_reload_status = of_client(relaunch.get_model_reload_status)
    get_model_reload_config = of_client(relaunch.get_model_reload_config)
    relaunch_api = of_client(relaunch.relaunch_api)
    get_api_relaunch = of_client(relaunch.get_api_relaunch)
    list_api_relaunches = of_client(relaunch.list_api_relaunches)
    relaunch_supervisor = of_client(relaunch.relaunch_supervisor)
    get_supervisor_relaunch = of_client(relaunch.get_supervisor_relaunch)
    list_supervisor_relaunches = of_client(relaunch.list_supervisor_relaunches)
    relaunch_worker = of_client(relaunch.relaunch_worker)
    get_worker_relaunch = of_client(relaunch.get_worker_relaunch)
    list_worker_relaunches = of_client(relaunch.list_worker_relaunches)

    def login(self, username: str, password: str) -> None:
        """Call as this user from now on, for as long as the session is; nothing where no key is
        needed. Raises ClientError 401 for a wrong pair, 429 after too many of them.
        """
        if self.get_cluster_auth():
            session = self.run(access.login(username, password))
            self.authorize(str(session["access_token"]))

    def get_model(self, model_uid: str) -> Json:
        """The handle of a model, by what it can do.

        What it is shows at run time: for its results to be typed, say what you expect, as in
        `chat: RESTfulChatModelHandle = client.get_model("qwen")`.

        Raises ClientError 400 when the uid is not known, ValueError when no handle fits.
        """
        kind = handle_kind(model_uid, self.describe_model(model_uid))
        return HANDLES[kind](self, model_uid)
