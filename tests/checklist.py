"""Which test shows which line of the check-list (V: protocol and page, T: tasks, D: service).

A value is one or more "file::test". `test_checklist` refuses an id without a test and a test that
does not exist.
"""

from __future__ import annotations

_LOOP = "visualizer/test_loop.py::"
_DOOR = "visualizer/test_door.py::"
_SEED = "visualizer/test_usage_examples.py::"
_REPROCESS = "visualizer/test_reprocessing.py::"
_HISTORY = "visualizer/test_history.py::"
_TURNS = "visualizer/test_turns.py::"
_SOCKETS = "visualizer/test_sockets.py::"
_CYCLE = "browser/test_cycle.py::"
_KEYS = "browser/test_keys.py::"
_PLAIN = "browser/test_plain.py::"
_PAGES = "visualizer/test_pages.py::"
_SHARING = "visualizer/test_sharing.py::"
_API = "visualizer/api/"
_STREAMS = _API + "test_streams.py::"
_SERVED = _API + "test_served_streams.py::"
_GENERATE = _API + "test_generate.py::"
_PANELS = _API + "test_panels.py::"

CHECKLIST: dict[str, tuple[str, ...]] = {
    "V1": (_SEED + "test_example_1_new_generation_flow",),
    "V2": (_SEED + "test_example_1_new_generation_flow",),
    "V3": (_SEED + "test_bad_frames_are_answered_and_the_socket_lives_on",),
    "V4": (_DOOR + "test_a_plain_message_of_every_type_is_valid",),
    "V5": (
        _LOOP + "test_apply_until_complete",
        _CYCLE + "test_the_whole_cycle_by_hand_and_by_strategy",
    ),
    "V6": (_SEED + "test_example_2_probability_analysis_with_restrictions",),
    "V7": (_LOOP + "test_auto_select_stages_and_answers",),
    "V8": (_SEED + "test_example_3_manual_token_selection",),
    "V9": (
        _HISTORY + "test_compare_shows_what_strategies_would_take",
        _CYCLE + "test_strategies_are_compared_on_one_forward_pass",
    ),
    "V10": (_SEED + "test_example_4_error_handling",),
    "V11": (_SEED + "test_example_4_error_handling",),
    "V12": (_SEED + "test_example_1_new_generation_flow",),
    "V13": (
        _LOOP + "test_gen_length_defaults_to_128_or_the_room",
        _DOOR + "test_integers_keep_to_their_limits",
    ),
    "V14": (_LOOP + "test_initialize_shows_prompt_and_masks",),
    "V15": (_LOOP + "test_choices_stay_within_the_first_open_block",),
    "V16": (
        _DOOR + "test_integers_keep_to_their_limits",
        _LOOP + "test_auto_select_stages_and_answers",
    ),
    "V17": (_LOOP + "test_auto_select_stages_and_answers",),
    "V18": (_LOOP + "test_selection_needs_a_forward_pass_of_this_state",),
    "V19": (_LOOP + "test_strategies_mean_what_the_glosses_say",),
    "V20": (_LOOP + "test_strategies_mean_what_the_glosses_say",),
    "V21": (_LOOP + "test_strategies_mean_what_the_glosses_say",),
    "V22": (_LOOP + "test_strategies_mean_what_the_glosses_say",),
    "V23": (_LOOP + "test_strategies_mean_what_the_glosses_say",),
    "V24": (
        _DOOR + "test_selections_are_positions_and_ids",
        _LOOP + "test_apply_refuses_what_does_not_fit",
    ),
    "V25": (_LOOP + "test_apply_makes_a_step",),
    "V26": (_LOOP + "test_tokenize_and_forward_answers_at_once",),
    "V27": (_LOOP + "test_tokenize_and_forward_shows_as_many_as_asked_for",),
    "V28": (
        _DOOR + "test_integers_keep_to_their_limits",
        _DOOR + "test_numbers_keep_to_their_limits",
    ),
    "V29": (_LOOP + "test_positions_carry_the_fields_of_both_structures",),
    "V30": (_LOOP + "test_positions_carry_the_fields_of_both_structures",),
    "V31": (_CYCLE + "test_a_run_is_seen_step_by_step",),
    "V32": (_LOOP + "test_the_forward_after_a_step_sees_it",),
    "V33": (
        _REPROCESS + "test_raw_logits_make_the_round_trip",
        _REPROCESS + "test_other_forms_are_refused",
    ),
    "V34": (_DOOR + "test_numbers_keep_to_their_limits",),
    "V35": (_DOOR + "test_numbers_keep_to_their_limits",),
    "V36": (_REPROCESS + "test_noise_off_means_no_noise",),
    "V37": (
        _REPROCESS + "test_every_position_agrees_with_the_definition",
        _LOOP + "test_the_crossing_token_is_kept",
    ),
    "V38": (_REPROCESS + "test_every_position_agrees_with_the_definition",),
    "V39": (
        _REPROCESS + "test_every_position_agrees_with_the_definition",
        _REPROCESS + "test_without_logits_the_server_s_are_used",
    ),
    "V40": (_LOOP + "test_rewind_is_a_view",),
    "V41": (_TURNS + "test_a_fault_is_told_in_the_one_shape",),
    "V42": (_LOOP + "test_initialize_needs_a_loaded_model",),
    "V43": (_DOOR + "test_without_a_session_there_is_no_generation",),
    "V44": (_REPROCESS + "test_other_forms_are_refused",),
    "V45": (_LOOP + "test_selection_needs_a_forward_pass_of_this_state",),
    "V46": (_DOOR + "test_unknown_types_are_named",),
    "V47": (_LOOP + "test_apply_makes_a_step",),
    "V48": (_LOOP + "test_positions_carry_the_fields_of_both_structures",),
    "V49": (_LOOP + "test_positions_carry_the_fields_of_both_structures",),
    "V50": (
        _REPROCESS + "test_raw_logits_make_the_round_trip",
        _REPROCESS + "test_results_are_paged",
    ),
    "V51": (_SEED + "test_example_1_new_generation_flow",),
    "V52": (_SEED + "test_example_2_probability_analysis_with_restrictions",),
    "V53": (_SEED + "test_example_3_manual_token_selection",),
    "V54": (_SEED + "test_example_4_error_handling",),
    "V55": (_LOOP + "test_select_tokens_only_stages_nothing",),
    "V56": (_CYCLE + "test_a_restart_of_the_server_is_survived",),
    "V57": (_REPROCESS + "test_results_are_paged", _LOOP + "test_pages_get_no_state_in_replies"),
    "V58": (_SOCKETS + "test_large_messages_come_through_and_larger_ones_are_refused",),
    "V59": (_SOCKETS + "test_a_flood_is_slowed_down_and_survived",),
    "V60": (
        _DOOR + "test_integers_keep_to_their_limits",
        _DOOR + "test_numbers_keep_to_their_limits",
    ),
    "V61": (_SOCKETS + "test_one_socket_too_many_is_turned_away",),
    "V62": ("inference/runtime/test_models.py::test_loading_beyond_its_time_is_a_time_out",),
    "V63": (
        "inference/engine/test_engine_thread.py::test_a_stuck_forward_is_left_behind_and_the_others_go_on",
    ),
    "T1": (_CYCLE + "test_the_whole_cycle_by_hand_and_by_strategy",),
    "T2": ("visualizer/test_protocol_docs.py::test_every_command_and_reply_is_documented",),
    "T3": (
        "config/test_settings.py::test_every_setting_is_described",
        "config/test_settings.py::test_the_readme_has_the_table_of_this_code",
    ),
    "T4": (_LOOP + "test_auto_select_stages_and_answers",),
    "T5": (_LOOP + "test_apply_makes_a_step",),
    "T6": (
        _DOOR + "test_integers_are_strict",
        _DOOR + "test_numbers_are_strict",
        _DOOR + "test_a_refused_message_changes_nothing",
    ),
    "T7": (_REPROCESS + "test_without_logits_the_server_s_are_used",),
    "T8": (
        _REPROCESS + "test_every_position_agrees_with_the_definition",
        _PAGES + "test_excluded_candidates_stay_visible_with_their_reason",
    ),
    "T9": (
        _TURNS + "test_a_fault_is_told_in_the_one_shape",
        "config/test_logs.py::test_plain_logging_and_structlog_write_the_same_shape",
    ),
    "T10": ("visualizer/test_runs.py::test_a_failing_run_ends_and_the_session_lives_on",),
    "T11": (
        _SOCKETS + "test_a_run_goes_on_without_its_socket",
        "accounts/test_seats.py::test_seats_are_limited_per_account",
    ),
    "T12": (
        "visualizer/test_protocol_docs.py::test_the_committed_page_is_up_to_date",
        "config/test_settings.py::test_the_readme_has_the_table_of_this_code",
    ),
    "T13": (
        _SEED + "test_the_shipped_model_runs_the_loop_to_its_end",
        _CYCLE + "test_a_run_is_seen_step_by_step",
    ),
    "T14": (_CYCLE + "test_the_whole_cycle_by_hand_and_by_strategy",),
    "T15": (_CYCLE + "test_the_whole_cycle_by_hand_and_by_strategy",),
    "T16": (_CYCLE + "test_strategies_are_compared_on_one_forward_pass",),
    "T17": (
        _CYCLE + "test_a_run_is_seen_step_by_step",
        _PAGES + "test_buttons_say_why_they_cannot_act",
    ),
    "T18": ("visualizer/test_partials.py::test_a_failed_run_says_why",),
    "T19": (_KEYS + "test_the_cycle_by_keys_alone", _KEYS + "test_run_and_the_timeline_by_keys"),
    "T20": (_PLAIN + "test_hostile_text_is_text", _KEYS + "test_enter_goes_to_the_candidates"),
    "T21": (
        "config/test_health.py::test_metrics_are_for_staff",
        "visualizer/test_snapshots.py::test_long_histories_are_folded_by_few_queries_and_told_in_few_bytes",
    ),
    "T22": (
        _SOCKETS + "test_two_sockets_on_one_session_stay_in_step",
        "visualizer/test_access.py::test_sessions_are_listed_to_their_owner",
    ),
    "T23": (
        _CYCLE + "test_another_choice_at_an_older_step_makes_a_branch",
        _HISTORY + "test_diff_and_merge",
        "visualizer/test_pages_compare.py::test_lines_of_one_s_other_sessions_can_be_chosen",
        "browser/test_compare.py::test_the_difference_of_two_sides_is_drawn_and_tabulated",
    ),
    "T24": (
        "visualizer/records/test_exporter.py::test_the_record_holds_what_reproducing_needs",
        "visualizer/records/test_exporter.py::test_the_steps_as_csv",
        _SHARING + "test_a_friend_reads_every_page_and_a_stranger_none",
        _SHARING + "test_a_copy_is_one_s_own",
    ),
    "T25": ("visualizer/test_presets.py::test_a_preset_is_kept_replaced_and_deleted",),
    "T26": ("docs/test_examples.py::test_the_programs_of_the_tutorial_work",),
    "D1": (_API + "test_access.py::test_the_service_can_be_switched_off",),
    "D2": (_SERVED + "test_steps_arrive_while_the_model_computes",),
    "D3": (
        _API + "test_models.py::test_workers_give_a_model_up_when_asked",
        "inference/runtime/test_models.py::test_a_full_device_falls_back_to_the_cpu_with_a_warning",
    ),
    "D4": (_API + "test_models.py::test_models_are_listed_with_what_is_known_of_them",),
    "D5": (_API + "test_models.py::test_loading_makes_a_model_the_account_s_own",),
    "D6": (_API + "test_models.py::test_loading_makes_a_model_the_account_s_own",),
    "D7": (_GENERATE + "test_an_answer_has_the_fields_of_the_seed_and_its_session",),
    "D8": (_STREAMS + "test_frames_are_those_of_the_seed",),
    "D9": (_GENERATE + "test_prefix_and_suffix_are_joined",),
    "D10": (_STREAMS + "test_infilling_streams_slots_that_appear_and_vanish",),
    "D11": (_STREAMS + "test_frames_are_those_of_the_seed",),
    "D12": (
        _STREAMS + "test_frames_are_those_of_the_seed",
        _STREAMS + "test_operations_lead_from_the_canvas_to_the_text",
    ),
    "D13": (_STREAMS + "test_frames_are_those_of_the_seed",),
    "D14": (_STREAMS + "test_a_failure_in_the_worker_is_the_error_frame",),
    "D15": ("config/test_bad_input.py::test_every_field_is_refused_by_name",),
    "D16": (
        "library/worker/test_remote.py::test_a_broken_stream_ends_with_an_error_and_keeps_what_came",
        "library/worker/test_downloads.py::test_a_hub_that_is_not_there_is_told_of",
    ),
    "D17": (_SERVED + "test_a_time_limit_ends_the_run",),
    "D18": (_API + "test_models.py::test_a_broken_checkpoint_says_that_loading_failed",),
    "D19": ("config/test_bad_input.py::test_things_of_others_are_not_found",),
    "D20": (_STREAMS + "test_a_fault_while_writing_is_told_without_its_text",),
    "D21": (
        _API + "test_canary.py::test_a_canary_is_nowhere",
        _API + "test_canary.py::test_a_canary_is_in_no_file_of_logs",
    ),
    "D22": (_API + "test_openapi.py::test_streams_are_counted_and_the_wait_is_told",),
    "D23": (
        _STREAMS + "test_frames_are_those_of_the_seed",
        "config/test_correlation.py::test_a_task_runs_in_the_embedded_worker_under_its_senders_id",
    ),
    "D24": ("config/test_logs.py::test_plain_logging_and_structlog_write_the_same_shape",),
    "D25": ("config/test_logs.py::test_both_files_have_every_line_and_survive_rotation",),
    "D26": (
        _STREAMS + "test_frames_are_those_of_the_seed",
        "core/http/test_sse.py::test_frames_are_closed_when_the_client_goes",
    ),
    "D27": (
        _STREAMS + "test_the_duration_of_a_stream_is_kept",
        "visualizer/test_pages_durations.py::test_the_plot_has_axes_that_hold_every_row",
    ),
    "D28": (
        "library/api/test_routes.py::test_the_library_tells_what_is_here_and_what_could_be",
        "library/views/test_pages.py::test_a_download_is_begun_followed_and_cancelled",
        "library/test_settings.py::test_the_hub_s_variables_are_honoured_in_their_order",
        "browser/test_models.py::test_a_download_is_watched_and_its_model_appears",
    ),
    "D29": (
        _PANELS + "test_a_model_is_chosen_on_the_panel",
        _PANELS + "test_output_comes_in_place_and_leads_to_the_workspace",
        _PANELS + "test_gaps_are_filled",
    ),
    "D30": (_STREAMS + "test_clean_pieces_join_to_the_clean_text",),
    "D31": (_STREAMS + "test_clean_pieces_join_to_the_clean_text",),
    "D32": (
        _PANELS + "test_defaults_are_kept_with_the_account",
        _PANELS + "test_defaults_are_set_on_the_settings_page",
    ),
    "D33": ("docs/test_service.py::test_the_five_entries_of_the_seed_and_more",),
    "D34": (
        "clients/test_typescript.py::test_the_committed_file_is_up_to_date",
        "clients/test_python.py::test_types_have_the_fields_of_the_document",
        "clients/test_python.py::test_it_works_against_a_site",
    ),
}
