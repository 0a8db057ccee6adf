"""Which test shows which line of the check-list, for chat (C) and the token playground (P)."""

from __future__ import annotations

_STREAM = "playground/test_streaming.py::"
_NEXT = "playground/test_next_token.py::"
_PROXIES = "config/test_proxies.py::"
_CHAT = "browser/test_chat.py::"
_DRAWER = "browser/test_drawer.py::"
_TREE = "browser/test_drawer_tree.py::"
_TURNS = "playground/test_turns.py::"
_TRAINING = "browser/test_training.py::"

PLAYGROUND: dict[str, tuple[str, ...]] = {
    "C1": (
        _STREAM + "test_tokens_come_while_the_model_works",
        _CHAT + "test_an_answer_forms_in_place",
    ),
    "C2": (_STREAM + "test_the_whole_answer_over_http",),
    "C3": (_STREAM + "test_tokens_come_while_the_model_works",),
    "C4": (_STREAM + "test_a_watcher_who_comes_late_has_the_whole",),
    "C5": (_CHAT + "test_an_answer_forms_in_place",),
    "C6": (
        _STREAM + "test_a_request_sent_twice_is_one_generation",
        _STREAM + "test_the_whole_answer_over_http",
    ),
    "C7": (
        _TURNS + "test_a_message_is_answered",
        "playground/test_records.py::test_files_are_named_by_the_moment",
    ),
    "C8": (
        _STREAM + "test_the_log_tells_of_the_stream",
        _STREAM + "test_the_whole_answer_over_http",
    ),
    "C9": (
        _PROXIES + "test_tokens_come_through_a_socket_one_by_one",
        _PROXIES + "test_pages_of_a_development_server_open_sockets_if_it_is_trusted",
    ),
    "C10": (_CHAT + "test_an_answer_forms_in_place", _STREAM + "test_the_log_tells_of_the_stream"),
    "P1": (_DRAWER + "test_it_slides_in_from_the_right_and_out_again",),
    "P2": (_NEXT + "test_ten_probabilities_best_first_of_the_next_token",),
    "P3": (_NEXT + "test_bad_fields_are_named", _NEXT + "test_temperature_0_is_the_limit"),
    "P4": (
        _NEXT + "test_ten_probabilities_best_first_of_the_next_token",
        _NEXT + "test_the_window_is_the_model_s_own",
    ),
    "P5": (_NEXT + "test_unknown_sessions_are_not_found",),
    "P6": (_NEXT + "test_a_model_that_is_not_ready_says_so",),
    "P7": (
        _NEXT + "test_unknown_characters_are_named",
        _NEXT + "test_only_what_a_tokenizer_lacks_is_unknown",
    ),
    "P8": (_NEXT + "test_a_failure_names_its_reason",),
    "P9": (_DRAWER + "test_playing_takes_the_top_token_and_pauses_by_space",),
    "P10": (_DRAWER + "test_it_slides_in_from_the_right_and_out_again",),
    "P11": (_DRAWER + "test_it_slides_in_from_the_right_and_out_again",),
    "P12": (
        _NEXT + "test_a_model_in_training_tells_how_far_it_is",
        _TRAINING + "test_the_drawer_steps_through_the_page_s_training_until_it_ends",
    ),
    "P13": (_DRAWER + "test_what_the_model_does_not_see_is_dimmed",),
    "P14": (_DRAWER + "test_what_the_model_does_not_see_is_dimmed",),
    "P15": (_DRAWER + "test_playing_takes_the_top_token_and_pauses_by_space",),
    "P16": (_DRAWER + "test_playing_takes_the_top_token_and_pauses_by_space",),
    "P17": (_DRAWER + "test_what_is_taken_is_what_the_bars_show",),
    "P18": (_DRAWER + "test_playing_takes_the_top_token_and_pauses_by_space",),
    "P19": (_DRAWER + "test_the_drawer_comes_with_its_limits",),
    "P20": (_DRAWER + "test_playing_takes_the_top_token_and_pauses_by_space",),
    "P21": (
        _DRAWER + "test_what_is_taken_is_what_the_bars_show",
        _DRAWER + "test_an_earlier_token_shows_its_alternatives_and_branches",
    ),
    "P22": (
        _NEXT + "test_the_top_token_is_taken_unless_a_draw_is_wanted",
        _DRAWER + "test_playing_takes_the_top_token_and_pauses_by_space",
    ),
    "P23": (_DRAWER + "test_what_is_taken_is_what_the_bars_show",),
    "P24": (_DRAWER + "test_what_is_taken_is_what_the_bars_show",),
    "P25": (_DRAWER + "test_what_is_taken_is_what_the_bars_show",),
    "P26": (_DRAWER + "test_what_is_taken_is_what_the_bars_show",),
    "P27": (_DRAWER + "test_playing_takes_the_top_token_and_pauses_by_space",),
    "P28": (_DRAWER + "test_it_slides_in_from_the_right_and_out_again",),
    "P29": (_DRAWER + "test_keys_in_the_text_are_the_text_s",),
    "P30": (_DRAWER + "test_playing_takes_the_top_token_and_pauses_by_space",),
    "P31": (_TREE + "test_only_new_tokens_fade_in_and_bars_move",),
    "P32": (_DRAWER + "test_without_a_model_it_says_so",),
    "P33": (_DRAWER + "test_it_slides_in_from_the_right_and_out_again",),
    "P34": (_TREE + "test_the_end_of_a_text_is_told",),
    "P35": (_DRAWER + "test_the_length_is_limited",),
    "P36": (
        _DRAWER + "test_the_length_is_limited",
        _DRAWER + "test_the_drawer_comes_with_its_limits",
    ),
    "P37": (_DRAWER + "test_a_request_that_takes_too_long_pauses",),
    "P38": (_DRAWER + "test_errors_are_told_and_pause",),
    "P39": (_DRAWER + "test_errors_are_told_and_pause",),
    "P40": (_DRAWER + "test_errors_are_told_and_pause",),
    "P41": (_DRAWER + "test_errors_are_told_and_pause",),
    "P42": (_DRAWER + "test_leaving_the_tab_pauses",),
    "P43": (
        _TREE + "test_the_end_of_a_training_pauses",
        _NEXT + "test_a_model_in_training_tells_how_far_it_is",
        _TRAINING + "test_the_drawer_steps_through_the_page_s_training_until_it_ends",
    ),
    "P44": (_DRAWER + "test_it_slides_in_from_the_right_and_out_again",),
    "P45": (_DRAWER + "test_errors_are_told_and_pause",),
    "P46": (
        _TREE + "test_sliders_act_at_once_and_as_the_server_would",
        _TREE + "test_a_history_is_kept_and_opened_again",
        _TREE + "test_two_models_go_on_from_one_text",
        "playground/test_token_trees.py::test_a_record_comes_back_twice_without_loss",
    ),
}
