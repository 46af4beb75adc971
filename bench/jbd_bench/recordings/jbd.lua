-- Wireshark dissector for captures of `jbd-bench record --pcapng`: frames of JBD battery management
-- systems and of their Bluetooth modules, with registers and values by name.
--
--   wireshark -X lua_script:jbd.lua capture.pcapng      or copy it into the Lua plugin folder
--
-- A packet is a piece as it was read or written; frames are put together over pieces. Every value
-- can be filtered for: jbd.cell_mv > 3600, jbd.covp, jbd.status != 0, jbd.checksum_bad.

-- BEGIN generated from jbd_protocol
local READ = {
  [0x00] = { name = "chip_type", title = "front-end chip", fields = { { name = "chip", kind = "NUMBER", offset = 0, size = 2 } } },
  [0x01] = { name = "exit_factory", title = "leave factory mode", fields = {  } },
  [0x03] = { name = "basic_info", title = "basic information", fields = {  } },
  [0x04] = { name = "cell_info", title = "cell voltages", fields = { { name = "cells", kind = "WORDS", offset = 0, unit = "mV" } } },
  [0x05] = { name = "device_info", title = "board name", fields = { { name = "name", kind = "TEXT", offset = 0 } } },
  [0x06] = { name = "use_password", title = "pair: present the PIN", fields = {  } },
  [0x07] = { name = "set_password", title = "change the PIN", fields = {  } },
  [0x08] = { name = "lock_unlock", title = "named in one list only", fields = {  } },
  [0x09] = { name = "clear_password", title = "clear the PIN", fields = {  } },
  [0x0A] = { name = "control", title = "control", fields = {  } },
  [0x0B] = { name = "clear_counters", title = "clear the error counters", fields = {  } },
  [0x0D] = { name = "change_function", title = "named in one list only", fields = {  } },
  [0x0F] = { name = "change_factory_code", title = "change the factory code", fields = {  } },
  [0x10] = { name = "design_cap", title = "nominal capacity", fields = { { name = "design_cap", kind = "NUMBER", offset = 0, size = 2, scale = 10, unit = "mAh" } } },
  [0x11] = { name = "cycle_cap", title = "cycle capacity", fields = { { name = "cycle_cap", kind = "NUMBER", offset = 0, size = 2, scale = 10, unit = "mAh" } } },
  [0x12] = { name = "cap_100", title = "cell voltage taken for full", fields = { { name = "cap_100", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x13] = { name = "cap_0", title = "cell voltage taken for empty", fields = { { name = "cap_0", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x14] = { name = "dsg_rate", title = "self-discharge rate", fields = { { name = "dsg_rate", kind = "NUMBER", offset = 0, size = 2, unit = "permille" } } },
  [0x15] = { name = "mfg_date", title = "manufacture date", fields = { { name = "mfg_date", kind = "DATE", offset = 0, size = 2 } } },
  [0x16] = { name = "serial_num", title = "serial number", fields = { { name = "serial_num", kind = "NUMBER", offset = 0, size = 2 } } },
  [0x17] = { name = "cycle_cnt", title = "cycle count", fields = { { name = "cycle_cnt", kind = "NUMBER", offset = 0, size = 2, unit = "cycles" } } },
  [0x18] = { name = "chgot", title = "charge over-temperature", fields = { { name = "chgot", kind = "NUMBER", offset = 0, size = 2, unit = "dK" } } },
  [0x19] = { name = "chgot_rel", title = "charge over-temperature release", fields = { { name = "chgot_rel", kind = "NUMBER", offset = 0, size = 2, unit = "dK" } } },
  [0x1A] = { name = "chgut", title = "charge under-temperature", fields = { { name = "chgut", kind = "NUMBER", offset = 0, size = 2, unit = "dK" } } },
  [0x1B] = { name = "chgut_rel", title = "charge under-temperature release", fields = { { name = "chgut_rel", kind = "NUMBER", offset = 0, size = 2, unit = "dK" } } },
  [0x1C] = { name = "dsgot", title = "discharge over-temperature", fields = { { name = "dsgot", kind = "NUMBER", offset = 0, size = 2, unit = "dK" } } },
  [0x1D] = { name = "dsgot_rel", title = "discharge over-temperature release", fields = { { name = "dsgot_rel", kind = "NUMBER", offset = 0, size = 2, unit = "dK" } } },
  [0x1E] = { name = "dsgut", title = "discharge under-temperature", fields = { { name = "dsgut", kind = "NUMBER", offset = 0, size = 2, unit = "dK" } } },
  [0x1F] = { name = "dsgut_rel", title = "discharge under-temperature release", fields = { { name = "dsgut_rel", kind = "NUMBER", offset = 0, size = 2, unit = "dK" } } },
  [0x20] = { name = "povp", title = "pack over-voltage", fields = { { name = "povp", kind = "NUMBER", offset = 0, size = 2, scale = 10, unit = "mV" } } },
  [0x21] = { name = "povp_rel", title = "pack over-voltage release", fields = { { name = "povp_rel", kind = "NUMBER", offset = 0, size = 2, scale = 10, unit = "mV" } } },
  [0x22] = { name = "puvp", title = "pack under-voltage", fields = { { name = "puvp", kind = "NUMBER", offset = 0, size = 2, scale = 10, unit = "mV" } } },
  [0x23] = { name = "puvp_rel", title = "pack under-voltage release", fields = { { name = "puvp_rel", kind = "NUMBER", offset = 0, size = 2, scale = 10, unit = "mV" } } },
  [0x24] = { name = "covp", title = "cell over-voltage", fields = { { name = "covp", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x25] = { name = "covp_rel", title = "cell over-voltage release", fields = { { name = "covp_rel", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x26] = { name = "cuvp", title = "cell under-voltage", fields = { { name = "cuvp", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x27] = { name = "cuvp_rel", title = "cell under-voltage release", fields = { { name = "cuvp_rel", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x28] = { name = "chgoc", title = "charge over-current", fields = { { name = "chgoc", kind = "NUMBER", offset = 0, size = 2, signed = true, scale = 10, unit = "mA" } } },
  [0x29] = { name = "dsgoc", title = "discharge over-current", fields = { { name = "dsgoc", kind = "NUMBER", offset = 0, size = 2, signed = true, scale = 10, unit = "mA" } } },
  [0x2A] = { name = "bal_start", title = "balance start voltage", fields = { { name = "bal_start", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x2B] = { name = "bal_window", title = "balance window", fields = { { name = "bal_window", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x2C] = { name = "shunt_res", title = "shunt resistance", fields = { { name = "shunt_res", kind = "NUMBER", offset = 0, size = 2, scale = 100, unit = "uOhm" } } },
  [0x2D] = { name = "func_config", title = "function configuration", fields = { { name = "func_config", kind = "HEX", offset = 0, size = 2, flags = { "switch", "scrl", "balance_en", "chg_balance_en", "led_en", "led_num", "fcc_limit", "rtc", "chg_handshake", "gps", "buzzer", "starter_mode", "unit_x10", "ble_power" } } } },
  [0x2E] = { name = "ntc_config", title = "NTC configuration", fields = { { name = "ntc_config", kind = "HEX", offset = 0, size = 2, flags = { "ntc1", "ntc2", "ntc3", "ntc4", "ntc5", "ntc6", "ntc7", "ntc8" } } } },
  [0x2F] = { name = "cell_cnt", title = "series count", fields = { { name = "cell_cnt", kind = "NUMBER", offset = 0, size = 2, unit = "cells" } } },
  [0x30] = { name = "fet_ctrl", title = "FET control time", fields = { { name = "fet_ctrl", kind = "NUMBER", offset = 0, size = 2, unit = "s" } } },
  [0x31] = { name = "led_timer", title = "LED on time", fields = { { name = "led_timer", kind = "NUMBER", offset = 0, size = 2, unit = "s" } } },
  [0x32] = { name = "cap_80", title = "cell voltage at 80 %", fields = { { name = "cap_80", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x33] = { name = "cap_60", title = "cell voltage at 60 %", fields = { { name = "cap_60", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x34] = { name = "cap_40", title = "cell voltage at 40 %", fields = { { name = "cap_40", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x35] = { name = "cap_20", title = "cell voltage at 20 %", fields = { { name = "cap_20", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x36] = { name = "covp_high", title = "hardware cell over-voltage", fields = { { name = "covp_high", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x37] = { name = "cuvp_high", title = "hardware cell under-voltage", fields = { { name = "cuvp_high", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x38] = { name = "sc_dsgoc2", title = "short circuit and second discharge over-current", fields = { { name = "sc_dsgoc_x2", kind = "FLAG", offset = 0, size = 1, high = 7, low = 7 }, { name = "sc_delay", kind = "NUMBER", offset = 0, size = 1, unit = "us", high = 4, low = 3, codes = { 70, 100, 200, 400 } }, { name = "sc", kind = "NUMBER", offset = 0, size = 1, unit = "mV", high = 2, low = 0, codes = { 22, 33, 44, 56, 67, 78, 89, 100 } }, { name = "dsgoc2_delay", kind = "NUMBER", offset = 1, size = 1, unit = "ms", high = 7, low = 4, codes = { 8, 20, 40, 80, 160, 320, 640, 1280 } }, { name = "dsgoc2", kind = "NUMBER", offset = 1, size = 1, unit = "mV", high = 3, low = 0, codes = { 8, 11, 14, 17, 19, 22, 25, 28, 31, 33, 36, 39, 42, 44, 47, 50 } } } },
  [0x39] = { name = "cxvp_high_delay_sc_rel", title = "hardware delays, short-circuit release", fields = { { name = "cuvp_high_delay", kind = "NUMBER", offset = 0, size = 1, unit = "s", high = 7, low = 6, codes = { 1, 4, 8, 16 } }, { name = "covp_high_delay", kind = "NUMBER", offset = 0, size = 1, unit = "s", high = 5, low = 4, codes = { 1, 2, 4, 8 } }, { name = "sc_rel", kind = "NUMBER", offset = 1, size = 1, unit = "s" } } },
  [0x3A] = { name = "chg_t_delays", title = "charge temperature delays", fields = { { name = "chgut_delay", kind = "NUMBER", offset = 0, size = 1, unit = "s" }, { name = "chgot_delay", kind = "NUMBER", offset = 1, size = 1, unit = "s" } } },
  [0x3B] = { name = "dsg_t_delays", title = "discharge temperature delays", fields = { { name = "dsgut_delay", kind = "NUMBER", offset = 0, size = 1, unit = "s" }, { name = "dsgot_delay", kind = "NUMBER", offset = 1, size = 1, unit = "s" } } },
  [0x3C] = { name = "pack_v_delays", title = "pack voltage delays", fields = { { name = "puvp_delay", kind = "NUMBER", offset = 0, size = 1, unit = "s" }, { name = "povp_delay", kind = "NUMBER", offset = 1, size = 1, unit = "s" } } },
  [0x3D] = { name = "cell_v_delays", title = "cell voltage delays", fields = { { name = "cuvp_delay", kind = "NUMBER", offset = 0, size = 1, unit = "s" }, { name = "covp_delay", kind = "NUMBER", offset = 1, size = 1, unit = "s" } } },
  [0x3E] = { name = "chgoc_delays", title = "charge over-current delay and release", fields = { { name = "chgoc_delay", kind = "NUMBER", offset = 0, size = 1, unit = "s" }, { name = "chgoc_rel", kind = "NUMBER", offset = 1, size = 1, unit = "s" } } },
  [0x3F] = { name = "dsgoc_delays", title = "discharge over-current delay and release", fields = { { name = "dsgoc_delay", kind = "NUMBER", offset = 0, size = 1, unit = "s" }, { name = "dsgoc_rel", kind = "NUMBER", offset = 1, size = 1, unit = "s" } } },
  [0x40] = { name = "gps_vol", title = "GPS cut-off voltage", fields = { { name = "gps_vol", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x41] = { name = "gps_time", title = "GPS cut-off delay", fields = { { name = "gps_time", kind = "NUMBER", offset = 0, size = 2, unit = "s" } } },
  [0x42] = { name = "cap_90", title = "cell voltage at 90 %", fields = { { name = "cap_90", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x43] = { name = "cap_70", title = "cell voltage at 70 %", fields = { { name = "cap_70", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x44] = { name = "cap_50", title = "cell voltage at 50 %", fields = { { name = "cap_50", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x45] = { name = "cap_30", title = "cell voltage at 30 %", fields = { { name = "cap_30", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x46] = { name = "cap_10", title = "cell voltage at 10 %", fields = { { name = "cap_10", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x47] = { name = "cap_100_soc", title = "cell voltage at 100 %", fields = { { name = "cap_100_soc", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0xA0] = { name = "mfg_name", title = "manufacturer name", fields = { { name = "mfg_name", kind = "SIZED_TEXT", offset = 0 } } },
  [0xA1] = { name = "device_name", title = "device name", fields = { { name = "device_name", kind = "SIZED_TEXT", offset = 0 } } },
  [0xA2] = { name = "barcode", title = "bar code", fields = { { name = "barcode", kind = "SIZED_TEXT", offset = 0 } } },
  [0xAA] = { name = "error_cnts", title = "error counters", fields = { { name = "sc_err_cnt", kind = "NUMBER", offset = 0, size = 2 }, { name = "chgoc_err_cnt", kind = "NUMBER", offset = 2, size = 2 }, { name = "dsgoc_err_cnt", kind = "NUMBER", offset = 4, size = 2 }, { name = "covp_err_cnt", kind = "NUMBER", offset = 6, size = 2 }, { name = "cuvp_err_cnt", kind = "NUMBER", offset = 8, size = 2 }, { name = "chgot_err_cnt", kind = "NUMBER", offset = 10, size = 2 }, { name = "chgut_err_cnt", kind = "NUMBER", offset = 12, size = 2 }, { name = "dsgot_err_cnt", kind = "NUMBER", offset = 14, size = 2 }, { name = "dsgut_err_cnt", kind = "NUMBER", offset = 16, size = 2 }, { name = "povp_err_cnt", kind = "NUMBER", offset = 18, size = 2 }, { name = "puvp_err_cnt", kind = "NUMBER", offset = 20, size = 2 }, { name = "restart_cnt", kind = "NUMBER", offset = 22, size = 2 } } },
  [0xAB] = { name = "charge_history", title = "named in one list only", fields = {  } },
  [0xAD] = { name = "i_cal_idle", title = "zero-current calibration", fields = {  } },
  [0xAE] = { name = "i_cal_chg", title = "charge-current calibration", fields = {  } },
  [0xAF] = { name = "i_cal_dsg", title = "discharge-current calibration", fields = {  } },
  [0xB0] = { name = "cell1_cal", title = "cell 1 calibration", fields = {  } },
  [0xB1] = { name = "cell2_cal", title = "cell 2 calibration", fields = {  } },
  [0xB2] = { name = "cell3_cal", title = "cell 3 calibration", fields = {  } },
  [0xB3] = { name = "cell4_cal", title = "cell 4 calibration", fields = {  } },
  [0xB4] = { name = "cell5_cal", title = "cell 5 calibration", fields = {  } },
  [0xB5] = { name = "cell6_cal", title = "cell 6 calibration", fields = {  } },
  [0xB6] = { name = "cell7_cal", title = "cell 7 calibration", fields = {  } },
  [0xB7] = { name = "cell8_cal", title = "cell 8 calibration", fields = {  } },
  [0xB8] = { name = "cell9_cal", title = "cell 9 calibration", fields = {  } },
  [0xB9] = { name = "cell10_cal", title = "cell 10 calibration", fields = {  } },
  [0xBA] = { name = "cell11_cal", title = "cell 11 calibration", fields = {  } },
  [0xBB] = { name = "cell12_cal", title = "cell 12 calibration", fields = {  } },
  [0xBC] = { name = "cell13_cal", title = "cell 13 calibration", fields = {  } },
  [0xBD] = { name = "cell14_cal", title = "cell 14 calibration", fields = {  } },
  [0xBE] = { name = "cell15_cal", title = "cell 15 calibration", fields = {  } },
  [0xBF] = { name = "cell16_cal", title = "cell 16 calibration", fields = {  } },
  [0xC0] = { name = "cell17_cal", title = "cell 17 calibration", fields = {  } },
  [0xC1] = { name = "cell18_cal", title = "cell 18 calibration", fields = {  } },
  [0xC2] = { name = "cell19_cal", title = "cell 19 calibration", fields = {  } },
  [0xC3] = { name = "cell20_cal", title = "cell 20 calibration", fields = {  } },
  [0xC4] = { name = "cell21_cal", title = "cell 21 calibration", fields = {  } },
  [0xC5] = { name = "cell22_cal", title = "cell 22 calibration", fields = {  } },
  [0xC6] = { name = "cell23_cal", title = "cell 23 calibration", fields = {  } },
  [0xC7] = { name = "cell24_cal", title = "cell 24 calibration", fields = {  } },
  [0xC8] = { name = "cell25_cal", title = "cell 25 calibration", fields = {  } },
  [0xC9] = { name = "cell26_cal", title = "cell 26 calibration", fields = {  } },
  [0xCA] = { name = "cell27_cal", title = "cell 27 calibration", fields = {  } },
  [0xCB] = { name = "cell28_cal", title = "cell 28 calibration", fields = {  } },
  [0xCC] = { name = "cell29_cal", title = "cell 29 calibration", fields = {  } },
  [0xCD] = { name = "cell30_cal", title = "cell 30 calibration", fields = {  } },
  [0xCE] = { name = "cell31_cal", title = "cell 31 calibration", fields = {  } },
  [0xCF] = { name = "cell32_cal", title = "cell 32 calibration", fields = {  } },
  [0xD0] = { name = "ntc1_cal", title = "NTC 1 calibration", fields = {  } },
  [0xD1] = { name = "ntc2_cal", title = "NTC 2 calibration", fields = {  } },
  [0xD2] = { name = "ntc3_cal", title = "NTC 3 calibration", fields = {  } },
  [0xD3] = { name = "ntc4_cal", title = "NTC 4 calibration", fields = {  } },
  [0xD4] = { name = "ntc5_cal", title = "NTC 5 calibration", fields = {  } },
  [0xD5] = { name = "ntc6_cal", title = "NTC 6 calibration", fields = {  } },
  [0xD6] = { name = "ntc7_cal", title = "NTC 7 calibration", fields = {  } },
  [0xD7] = { name = "ntc8_cal", title = "NTC 8 calibration", fields = {  } },
  [0xE0] = { name = "cap_rem", title = "set the remaining capacity", fields = {  } },
  [0xE1] = { name = "chg_dsg_en", title = "MOSFET control", fields = {  } },
  [0xE2] = { name = "bal_ctrl", title = "balance test", fields = {  } },
  [0xE3] = { name = "reset", title = "reset, old form", fields = {  } },
  [0xF4] = { name = "balancer_switch", title = "named in one analysis only", fields = {  } },
  [0xF6] = { name = "internal_resistance", title = "cell resistance", fields = { { name = "resistance", kind = "WORDS", offset = 0, signed = true, scale = 100, unit = "uOhm" } } },
  [0xFA] = { name = "parameters", title = "parameters by number", fields = { { name = "first_param", kind = "NUMBER", offset = 0, size = 2 }, { name = "count", kind = "NUMBER", offset = 2, size = 1, unit = "words" }, { name = "words", kind = "WORDS", offset = 3 } } },
  [0xFB] = { name = "mos_control", title = "MOSFET control, new line", fields = {  } },
  [0xFC] = { name = "heating", title = "heating", fields = {  } },
  [0xFE] = { name = "debug_fe", title = "custom debug firmware", fields = {  } },
  [0xFF] = { name = "debug_ff", title = "custom debug firmware", fields = {  } },
}
local WRITTEN = {
  [0x00] = { name = "enter_factory", title = "enter factory mode", fields = { { name = "code", kind = "HEX", offset = 0, size = 2 } } },
  [0x01] = { name = "exit_factory", title = "leave factory mode", fields = { { name = "mode", kind = "HEX", offset = 0, size = 2 } } },
  [0x03] = { name = "basic_info", title = "basic information", fields = {  } },
  [0x04] = { name = "cell_info", title = "cell voltages", fields = {  } },
  [0x05] = { name = "device_info", title = "board name", fields = {  } },
  [0x06] = { name = "use_password", title = "pair: present the PIN", fields = { { name = "text_length", kind = "NUMBER", offset = 0, size = 1 }, { name = "password_bytes", kind = "BYTES", offset = 1 } } },
  [0x07] = { name = "set_password", title = "change the PIN", fields = { { name = "text_length", kind = "NUMBER", offset = 0, size = 1 }, { name = "password_bytes", kind = "BYTES", offset = 1 } } },
  [0x08] = { name = "lock_unlock", title = "named in one list only", fields = {  } },
  [0x09] = { name = "clear_password", title = "clear the PIN", fields = { { name = "text_length", kind = "NUMBER", offset = 0, size = 1 }, { name = "password_bytes", kind = "BYTES", offset = 1 } } },
  [0x0A] = { name = "control", title = "control", fields = { { name = "code", kind = "HEX", offset = 0, size = 2 } } },
  [0x0B] = { name = "clear_counters", title = "clear the error counters", fields = { { name = "code", kind = "HEX", offset = 0, size = 2 } } },
  [0x0D] = { name = "change_function", title = "named in one list only", fields = {  } },
  [0x0F] = { name = "change_factory_code", title = "change the factory code", fields = { { name = "old", kind = "HEX", offset = 0, size = 2 }, { name = "new", kind = "HEX", offset = 2, size = 2 } } },
  [0x10] = { name = "design_cap", title = "nominal capacity", fields = { { name = "design_cap", kind = "NUMBER", offset = 0, size = 2, scale = 10, unit = "mAh" } } },
  [0x11] = { name = "cycle_cap", title = "cycle capacity", fields = { { name = "cycle_cap", kind = "NUMBER", offset = 0, size = 2, scale = 10, unit = "mAh" } } },
  [0x12] = { name = "cap_100", title = "cell voltage taken for full", fields = { { name = "cap_100", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x13] = { name = "cap_0", title = "cell voltage taken for empty", fields = { { name = "cap_0", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x14] = { name = "dsg_rate", title = "self-discharge rate", fields = { { name = "dsg_rate", kind = "NUMBER", offset = 0, size = 2, unit = "permille" } } },
  [0x15] = { name = "mfg_date", title = "manufacture date", fields = { { name = "mfg_date", kind = "DATE", offset = 0, size = 2 } } },
  [0x16] = { name = "serial_num", title = "serial number", fields = { { name = "serial_num", kind = "NUMBER", offset = 0, size = 2 } } },
  [0x17] = { name = "cycle_cnt", title = "cycle count", fields = { { name = "cycle_cnt", kind = "NUMBER", offset = 0, size = 2, unit = "cycles" } } },
  [0x18] = { name = "chgot", title = "charge over-temperature", fields = { { name = "chgot", kind = "NUMBER", offset = 0, size = 2, unit = "dK" } } },
  [0x19] = { name = "chgot_rel", title = "charge over-temperature release", fields = { { name = "chgot_rel", kind = "NUMBER", offset = 0, size = 2, unit = "dK" } } },
  [0x1A] = { name = "chgut", title = "charge under-temperature", fields = { { name = "chgut", kind = "NUMBER", offset = 0, size = 2, unit = "dK" } } },
  [0x1B] = { name = "chgut_rel", title = "charge under-temperature release", fields = { { name = "chgut_rel", kind = "NUMBER", offset = 0, size = 2, unit = "dK" } } },
  [0x1C] = { name = "dsgot", title = "discharge over-temperature", fields = { { name = "dsgot", kind = "NUMBER", offset = 0, size = 2, unit = "dK" } } },
  [0x1D] = { name = "dsgot_rel", title = "discharge over-temperature release", fields = { { name = "dsgot_rel", kind = "NUMBER", offset = 0, size = 2, unit = "dK" } } },
  [0x1E] = { name = "dsgut", title = "discharge under-temperature", fields = { { name = "dsgut", kind = "NUMBER", offset = 0, size = 2, unit = "dK" } } },
  [0x1F] = { name = "dsgut_rel", title = "discharge under-temperature release", fields = { { name = "dsgut_rel", kind = "NUMBER", offset = 0, size = 2, unit = "dK" } } },
  [0x20] = { name = "povp", title = "pack over-voltage", fields = { { name = "povp", kind = "NUMBER", offset = 0, size = 2, scale = 10, unit = "mV" } } },
  [0x21] = { name = "povp_rel", title = "pack over-voltage release", fields = { { name = "povp_rel", kind = "NUMBER", offset = 0, size = 2, scale = 10, unit = "mV" } } },
  [0x22] = { name = "puvp", title = "pack under-voltage", fields = { { name = "puvp", kind = "NUMBER", offset = 0, size = 2, scale = 10, unit = "mV" } } },
  [0x23] = { name = "puvp_rel", title = "pack under-voltage release", fields = { { name = "puvp_rel", kind = "NUMBER", offset = 0, size = 2, scale = 10, unit = "mV" } } },
  [0x24] = { name = "covp", title = "cell over-voltage", fields = { { name = "covp", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x25] = { name = "covp_rel", title = "cell over-voltage release", fields = { { name = "covp_rel", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x26] = { name = "cuvp", title = "cell under-voltage", fields = { { name = "cuvp", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x27] = { name = "cuvp_rel", title = "cell under-voltage release", fields = { { name = "cuvp_rel", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x28] = { name = "chgoc", title = "charge over-current", fields = { { name = "chgoc", kind = "NUMBER", offset = 0, size = 2, signed = true, scale = 10, unit = "mA" } } },
  [0x29] = { name = "dsgoc", title = "discharge over-current", fields = { { name = "dsgoc", kind = "NUMBER", offset = 0, size = 2, signed = true, scale = 10, unit = "mA" } } },
  [0x2A] = { name = "bal_start", title = "balance start voltage", fields = { { name = "bal_start", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x2B] = { name = "bal_window", title = "balance window", fields = { { name = "bal_window", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x2C] = { name = "shunt_res", title = "shunt resistance", fields = { { name = "shunt_res", kind = "NUMBER", offset = 0, size = 2, scale = 100, unit = "uOhm" } } },
  [0x2D] = { name = "func_config", title = "function configuration", fields = { { name = "func_config", kind = "HEX", offset = 0, size = 2, flags = { "switch", "scrl", "balance_en", "chg_balance_en", "led_en", "led_num", "fcc_limit", "rtc", "chg_handshake", "gps", "buzzer", "starter_mode", "unit_x10", "ble_power" } } } },
  [0x2E] = { name = "ntc_config", title = "NTC configuration", fields = { { name = "ntc_config", kind = "HEX", offset = 0, size = 2, flags = { "ntc1", "ntc2", "ntc3", "ntc4", "ntc5", "ntc6", "ntc7", "ntc8" } } } },
  [0x2F] = { name = "cell_cnt", title = "series count", fields = { { name = "cell_cnt", kind = "NUMBER", offset = 0, size = 2, unit = "cells" } } },
  [0x30] = { name = "fet_ctrl", title = "FET control time", fields = { { name = "fet_ctrl", kind = "NUMBER", offset = 0, size = 2, unit = "s" } } },
  [0x31] = { name = "led_timer", title = "LED on time", fields = { { name = "led_timer", kind = "NUMBER", offset = 0, size = 2, unit = "s" } } },
  [0x32] = { name = "cap_80", title = "cell voltage at 80 %", fields = { { name = "cap_80", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x33] = { name = "cap_60", title = "cell voltage at 60 %", fields = { { name = "cap_60", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x34] = { name = "cap_40", title = "cell voltage at 40 %", fields = { { name = "cap_40", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x35] = { name = "cap_20", title = "cell voltage at 20 %", fields = { { name = "cap_20", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x36] = { name = "covp_high", title = "hardware cell over-voltage", fields = { { name = "covp_high", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x37] = { name = "cuvp_high", title = "hardware cell under-voltage", fields = { { name = "cuvp_high", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x38] = { name = "sc_dsgoc2", title = "short circuit and second discharge over-current", fields = { { name = "sc_dsgoc_x2", kind = "FLAG", offset = 0, size = 1, high = 7, low = 7 }, { name = "sc_delay", kind = "NUMBER", offset = 0, size = 1, unit = "us", high = 4, low = 3, codes = { 70, 100, 200, 400 } }, { name = "sc", kind = "NUMBER", offset = 0, size = 1, unit = "mV", high = 2, low = 0, codes = { 22, 33, 44, 56, 67, 78, 89, 100 } }, { name = "dsgoc2_delay", kind = "NUMBER", offset = 1, size = 1, unit = "ms", high = 7, low = 4, codes = { 8, 20, 40, 80, 160, 320, 640, 1280 } }, { name = "dsgoc2", kind = "NUMBER", offset = 1, size = 1, unit = "mV", high = 3, low = 0, codes = { 8, 11, 14, 17, 19, 22, 25, 28, 31, 33, 36, 39, 42, 44, 47, 50 } } } },
  [0x39] = { name = "cxvp_high_delay_sc_rel", title = "hardware delays, short-circuit release", fields = { { name = "cuvp_high_delay", kind = "NUMBER", offset = 0, size = 1, unit = "s", high = 7, low = 6, codes = { 1, 4, 8, 16 } }, { name = "covp_high_delay", kind = "NUMBER", offset = 0, size = 1, unit = "s", high = 5, low = 4, codes = { 1, 2, 4, 8 } }, { name = "sc_rel", kind = "NUMBER", offset = 1, size = 1, unit = "s" } } },
  [0x3A] = { name = "chg_t_delays", title = "charge temperature delays", fields = { { name = "chgut_delay", kind = "NUMBER", offset = 0, size = 1, unit = "s" }, { name = "chgot_delay", kind = "NUMBER", offset = 1, size = 1, unit = "s" } } },
  [0x3B] = { name = "dsg_t_delays", title = "discharge temperature delays", fields = { { name = "dsgut_delay", kind = "NUMBER", offset = 0, size = 1, unit = "s" }, { name = "dsgot_delay", kind = "NUMBER", offset = 1, size = 1, unit = "s" } } },
  [0x3C] = { name = "pack_v_delays", title = "pack voltage delays", fields = { { name = "puvp_delay", kind = "NUMBER", offset = 0, size = 1, unit = "s" }, { name = "povp_delay", kind = "NUMBER", offset = 1, size = 1, unit = "s" } } },
  [0x3D] = { name = "cell_v_delays", title = "cell voltage delays", fields = { { name = "cuvp_delay", kind = "NUMBER", offset = 0, size = 1, unit = "s" }, { name = "covp_delay", kind = "NUMBER", offset = 1, size = 1, unit = "s" } } },
  [0x3E] = { name = "chgoc_delays", title = "charge over-current delay and release", fields = { { name = "chgoc_delay", kind = "NUMBER", offset = 0, size = 1, unit = "s" }, { name = "chgoc_rel", kind = "NUMBER", offset = 1, size = 1, unit = "s" } } },
  [0x3F] = { name = "dsgoc_delays", title = "discharge over-current delay and release", fields = { { name = "dsgoc_delay", kind = "NUMBER", offset = 0, size = 1, unit = "s" }, { name = "dsgoc_rel", kind = "NUMBER", offset = 1, size = 1, unit = "s" } } },
  [0x40] = { name = "gps_vol", title = "GPS cut-off voltage", fields = { { name = "gps_vol", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x41] = { name = "gps_time", title = "GPS cut-off delay", fields = { { name = "gps_time", kind = "NUMBER", offset = 0, size = 2, unit = "s" } } },
  [0x42] = { name = "cap_90", title = "cell voltage at 90 %", fields = { { name = "cap_90", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x43] = { name = "cap_70", title = "cell voltage at 70 %", fields = { { name = "cap_70", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x44] = { name = "cap_50", title = "cell voltage at 50 %", fields = { { name = "cap_50", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x45] = { name = "cap_30", title = "cell voltage at 30 %", fields = { { name = "cap_30", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x46] = { name = "cap_10", title = "cell voltage at 10 %", fields = { { name = "cap_10", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0x47] = { name = "cap_100_soc", title = "cell voltage at 100 %", fields = { { name = "cap_100_soc", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0xA0] = { name = "mfg_name", title = "manufacturer name", fields = { { name = "mfg_name", kind = "SIZED_TEXT", offset = 0 } } },
  [0xA1] = { name = "device_name", title = "device name", fields = { { name = "device_name", kind = "SIZED_TEXT", offset = 0 } } },
  [0xA2] = { name = "barcode", title = "bar code", fields = { { name = "barcode", kind = "SIZED_TEXT", offset = 0 } } },
  [0xAA] = { name = "error_cnts", title = "error counters", fields = {  } },
  [0xAB] = { name = "charge_history", title = "named in one list only", fields = {  } },
  [0xAD] = { name = "i_cal_idle", title = "zero-current calibration", fields = { { name = "i_cal_idle", kind = "NUMBER", offset = 0, size = 2, scale = 10, unit = "mA" } } },
  [0xAE] = { name = "i_cal_chg", title = "charge-current calibration", fields = { { name = "i_cal_chg", kind = "NUMBER", offset = 0, size = 2, scale = 10, unit = "mA" } } },
  [0xAF] = { name = "i_cal_dsg", title = "discharge-current calibration", fields = { { name = "i_cal_dsg", kind = "NUMBER", offset = 0, size = 2, scale = 10, unit = "mA" } } },
  [0xB0] = { name = "cell1_cal", title = "cell 1 calibration", fields = { { name = "cell1_cal", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0xB1] = { name = "cell2_cal", title = "cell 2 calibration", fields = { { name = "cell2_cal", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0xB2] = { name = "cell3_cal", title = "cell 3 calibration", fields = { { name = "cell3_cal", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0xB3] = { name = "cell4_cal", title = "cell 4 calibration", fields = { { name = "cell4_cal", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0xB4] = { name = "cell5_cal", title = "cell 5 calibration", fields = { { name = "cell5_cal", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0xB5] = { name = "cell6_cal", title = "cell 6 calibration", fields = { { name = "cell6_cal", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0xB6] = { name = "cell7_cal", title = "cell 7 calibration", fields = { { name = "cell7_cal", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0xB7] = { name = "cell8_cal", title = "cell 8 calibration", fields = { { name = "cell8_cal", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0xB8] = { name = "cell9_cal", title = "cell 9 calibration", fields = { { name = "cell9_cal", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0xB9] = { name = "cell10_cal", title = "cell 10 calibration", fields = { { name = "cell10_cal", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0xBA] = { name = "cell11_cal", title = "cell 11 calibration", fields = { { name = "cell11_cal", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0xBB] = { name = "cell12_cal", title = "cell 12 calibration", fields = { { name = "cell12_cal", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0xBC] = { name = "cell13_cal", title = "cell 13 calibration", fields = { { name = "cell13_cal", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0xBD] = { name = "cell14_cal", title = "cell 14 calibration", fields = { { name = "cell14_cal", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0xBE] = { name = "cell15_cal", title = "cell 15 calibration", fields = { { name = "cell15_cal", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0xBF] = { name = "cell16_cal", title = "cell 16 calibration", fields = { { name = "cell16_cal", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0xC0] = { name = "cell17_cal", title = "cell 17 calibration", fields = { { name = "cell17_cal", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0xC1] = { name = "cell18_cal", title = "cell 18 calibration", fields = { { name = "cell18_cal", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0xC2] = { name = "cell19_cal", title = "cell 19 calibration", fields = { { name = "cell19_cal", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0xC3] = { name = "cell20_cal", title = "cell 20 calibration", fields = { { name = "cell20_cal", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0xC4] = { name = "cell21_cal", title = "cell 21 calibration", fields = { { name = "cell21_cal", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0xC5] = { name = "cell22_cal", title = "cell 22 calibration", fields = { { name = "cell22_cal", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0xC6] = { name = "cell23_cal", title = "cell 23 calibration", fields = { { name = "cell23_cal", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0xC7] = { name = "cell24_cal", title = "cell 24 calibration", fields = { { name = "cell24_cal", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0xC8] = { name = "cell25_cal", title = "cell 25 calibration", fields = { { name = "cell25_cal", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0xC9] = { name = "cell26_cal", title = "cell 26 calibration", fields = { { name = "cell26_cal", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0xCA] = { name = "cell27_cal", title = "cell 27 calibration", fields = { { name = "cell27_cal", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0xCB] = { name = "cell28_cal", title = "cell 28 calibration", fields = { { name = "cell28_cal", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0xCC] = { name = "cell29_cal", title = "cell 29 calibration", fields = { { name = "cell29_cal", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0xCD] = { name = "cell30_cal", title = "cell 30 calibration", fields = { { name = "cell30_cal", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0xCE] = { name = "cell31_cal", title = "cell 31 calibration", fields = { { name = "cell31_cal", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0xCF] = { name = "cell32_cal", title = "cell 32 calibration", fields = { { name = "cell32_cal", kind = "NUMBER", offset = 0, size = 2, unit = "mV" } } },
  [0xD0] = { name = "ntc1_cal", title = "NTC 1 calibration", fields = { { name = "ntc1_cal", kind = "NUMBER", offset = 0, size = 2, unit = "dK" } } },
  [0xD1] = { name = "ntc2_cal", title = "NTC 2 calibration", fields = { { name = "ntc2_cal", kind = "NUMBER", offset = 0, size = 2, unit = "dK" } } },
  [0xD2] = { name = "ntc3_cal", title = "NTC 3 calibration", fields = { { name = "ntc3_cal", kind = "NUMBER", offset = 0, size = 2, unit = "dK" } } },
  [0xD3] = { name = "ntc4_cal", title = "NTC 4 calibration", fields = { { name = "ntc4_cal", kind = "NUMBER", offset = 0, size = 2, unit = "dK" } } },
  [0xD4] = { name = "ntc5_cal", title = "NTC 5 calibration", fields = { { name = "ntc5_cal", kind = "NUMBER", offset = 0, size = 2, unit = "dK" } } },
  [0xD5] = { name = "ntc6_cal", title = "NTC 6 calibration", fields = { { name = "ntc6_cal", kind = "NUMBER", offset = 0, size = 2, unit = "dK" } } },
  [0xD6] = { name = "ntc7_cal", title = "NTC 7 calibration", fields = { { name = "ntc7_cal", kind = "NUMBER", offset = 0, size = 2, unit = "dK" } } },
  [0xD7] = { name = "ntc8_cal", title = "NTC 8 calibration", fields = { { name = "ntc8_cal", kind = "NUMBER", offset = 0, size = 2, unit = "dK" } } },
  [0xE0] = { name = "cap_rem", title = "set the remaining capacity", fields = { { name = "cap_rem", kind = "NUMBER", offset = 0, size = 2, scale = 10, unit = "mAh" } } },
  [0xE1] = { name = "chg_dsg_en", title = "MOSFET control", fields = { { name = "disable_charge", kind = "FLAG", offset = 0, size = 2, high = 0, low = 0 }, { name = "disable_discharge", kind = "FLAG", offset = 0, size = 2, high = 1, low = 1 } } },
  [0xE2] = { name = "bal_ctrl", title = "balance test", fields = { { name = "mode", kind = "NUMBER", offset = 0, size = 2 } } },
  [0xE3] = { name = "reset", title = "reset, old form", fields = { { name = "code", kind = "HEX", offset = 0, size = 2 } } },
  [0xF4] = { name = "balancer_switch", title = "named in one analysis only", fields = {  } },
  [0xF6] = { name = "internal_resistance", title = "cell resistance", fields = { { name = "resistance", kind = "WORDS", offset = 0, signed = true, scale = 100, unit = "uOhm" } } },
  [0xFA] = { name = "parameters", title = "parameters by number", fields = { { name = "first_param", kind = "NUMBER", offset = 0, size = 2 }, { name = "count", kind = "NUMBER", offset = 2, size = 1, unit = "words" }, { name = "words", kind = "WORDS", offset = 3 } } },
  [0xFB] = { name = "mos_control", title = "MOSFET control, new line", fields = { { name = "target", kind = "NUMBER", offset = 0, size = 1 }, { name = "action", kind = "NUMBER", offset = 1, size = 1 } } },
  [0xFC] = { name = "heating", title = "heating", fields = { { name = "action", kind = "NUMBER", offset = 0, size = 1 }, { name = "delay_h", kind = "NUMBER", offset = 1, size = 1, unit = "h" }, { name = "delay_min", kind = "NUMBER", offset = 2, size = 1, unit = "min" }, { name = "start", kind = "NUMBER", offset = 3, size = 1, signed = true, unit = "degC" }, { name = "stop", kind = "NUMBER", offset = 4, size = 1, signed = true, unit = "degC" } } },
  [0xFE] = { name = "debug_fe", title = "custom debug firmware", fields = {  } },
  [0xFF] = { name = "debug_ff", title = "custom debug firmware", fields = {  } },
}
local STATUS = {
  [0] = "0x00 done",
  [128] = "0x80 no such command",
  [129] = "0x81 invalid: not in factory mode, or password",
  [130] = "0x82 checksum error",
  [131] = "0x83 wrong password",
}
local MODULE = {
  [7] = "set_name",
  [21] = "app_key",
  [22] = "change_password",
  [23] = "random",
  [24] = "login",
  [25] = "change_second_password",
  [27] = "second_login",
  [29] = "root_login",
}
local PROTECTION = {
  "covp",
  "cuvp",
  "povp",
  "puvp",
  "chgot",
  "chgut",
  "dsgot",
  "dsgut",
  "chgoc",
  "dsgoc",
  "sc",
  "afe",
  "software",
  "chg_mos",
  "dsg_mos",
  "reserved",
}
-- END generated from jbd_protocol

local jbd = Proto("jbd", "JBD battery management system")
local READ_CODE, WRITE_CODE = 0xA5, 0x5A
local INBOUND = 1

local F = {
  request = ProtoField.uint8("jbd.request", "Request", base.HEX,
    { [READ_CODE] = "read", [WRITE_CODE] = "write" }),
  register = ProtoField.uint8("jbd.register", "Register", base.HEX),
  name = ProtoField.string("jbd.name", "Name"),
  status = ProtoField.uint8("jbd.status", "Status", base.HEX, STATUS),
  length = ProtoField.uint8("jbd.length", "Length", base.DEC),
  data = ProtoField.bytes("jbd.data", "Data"),
  checksum = ProtoField.uint16("jbd.checksum", "Checksum", base.HEX),
  checksum_bad = ProtoField.bool("jbd.checksum_bad", "Damaged"),
  to_board = ProtoField.bool("jbd.to_board", "To the board"),
  module_command = ProtoField.uint8("jbd.module.command", "Module command", base.HEX, MODULE),
  module_data = ProtoField.bytes("jbd.module.data", "Module data"),
  noise = ProtoField.bytes("jbd.noise", "Noise"),
  pending = ProtoField.uint16("jbd.pending", "Bytes that wait for the rest of a frame"),
  bits_set = ProtoField.string("jbd.bits_set", "Bits set"),
  cell_mv = ProtoField.uint16("jbd.cell_mv", "Cell (mV)"),
  ntc_dk = ProtoField.uint16("jbd.ntc_dk", "NTC (0.1 K)"),
  pack_mv = ProtoField.uint32("jbd.pack_mv", "Pack voltage (mV)"),
  current_ma = ProtoField.int32("jbd.current_ma", "Current (mA), charging positive"),
  remaining_mah = ProtoField.uint32("jbd.remaining_mah", "Remaining capacity (mAh)"),
  nominal_mah = ProtoField.uint32("jbd.nominal_mah", "Nominal capacity (mAh)"),
  cycles = ProtoField.uint16("jbd.cycles", "Cycles"),
  made = ProtoField.string("jbd.made", "Manufacture date"),
  balance = ProtoField.uint32("jbd.balance", "Balancing cells, bit 0 is cell 1", base.HEX),
  protection = ProtoField.uint16("jbd.protection", "Protections", base.HEX),
  version = ProtoField.uint8("jbd.version", "Software version", base.HEX),
  rsoc = ProtoField.uint8("jbd.rsoc_percent", "RSOC (%)"),
  fets = ProtoField.uint8("jbd.fets", "FETs, bit 0 charge, bit 1 discharge", base.HEX),
  cells = ProtoField.uint8("jbd.cells", "Series count"),
  ntcs = ProtoField.uint8("jbd.ntcs", "NTCs"),
  rest = ProtoField.bytes("jbd.rest", "Behind the known fields"),
}

-- One filter name for each named value of the tables.
local V = {}
local MAKERS = {
  NUMBER = function(abbr, name) return ProtoField.int32(abbr, name) end,
  WORDS = function(abbr, name) return ProtoField.int32(abbr, name) end,
  HEX = function(abbr, name) return ProtoField.uint16(abbr, name, base.HEX) end,
  FLAG = function(abbr, name) return ProtoField.bool(abbr, name) end,
  BYTES = function(abbr, name) return ProtoField.bytes(abbr, name) end,
  DATE = function(abbr, name) return ProtoField.string(abbr, name) end,
  TEXT = function(abbr, name) return ProtoField.string(abbr, name) end,
  SIZED_TEXT = function(abbr, name) return ProtoField.string(abbr, name) end,
}
local TAKEN = { cells = true, name = true } -- have a meaning of their own above

local function value_key(field)
  return field.name .. ":" .. field.kind
end

for _, rows in ipairs({ READ, WRITTEN }) do
  for _, row in pairs(rows) do
    for _, field in ipairs(row.fields) do
      local key = value_key(field)
      if not V[key] then
        local title = field.name .. (field.unit and (" (" .. field.unit .. ")") or "")
        local abbr = "jbd." .. field.name .. (TAKEN[field.name] and "_value" or "")
        V[key] = MAKERS[field.kind](abbr, title)
      end
    end
  end
end

do
  local all = {}
  for _, field in pairs(F) do all[#all + 1] = field end
  for _, field in pairs(V) do all[#all + 1] = field end
  jbd.fields = all
end

local damaged = ProtoExpert.new("jbd.damaged", "Damaged frame", expert.group.CHECKSUM,
  expert.severity.ERROR)
local refused = ProtoExpert.new("jbd.refused", "Refused", expert.group.RESPONSE_CODE,
  expert.severity.WARN)
jbd.experts = { damaged, refused }
local direction_of = Field.new("frame.packet_flags_direction")

-- What was put together, by packet number; what waits, by direction.
local found, waiting = {}, {}

function jbd.init()
  found, waiting = {}, { [true] = "", [false] = "" }
end

local function u16(text, at)
  return text:byte(at) * 256 + text:byte(at + 1)
end

local function is_whole(frame)
  if frame:byte(1) == 0xFF then
    local sum = 0
    for n = 3, #frame - 1 do sum = sum + frame:byte(n) end
    return sum % 256 == frame:byte(-1)
  end
  local sum = 0
  for n = 3, #frame - 3 do sum = sum + frame:byte(n) end
  return frame:byte(-1) == 0x77 and (sum + u16(frame, #frame - 2)) % 65536 == 0
end

-- Where a frame may begin; a piece that ends in half a start is kept.
local function begins(text, at, to_board)
  local first, second = text:byte(at, at + 1)
  if first == 0xFF then return second == nil or second == 0xAA end
  if first ~= 0xDD then return false end
  return not to_board or second == nil or second == READ_CODE or second == WRITE_CODE
end

-- Take frames off the front of what has come; return them and what is left.
local function frames_of(text, to_board)
  local list, noise = {}, ""
  while #text > 0 do
    if not begins(text, 1, to_board) then
      noise, text = noise .. text:sub(1, 1), text:sub(2)
    else
      local overhead = text:byte(1) == 0xFF and 5 or 7
      if #text < 4 or #text < overhead + text:byte(4) then break end
      local frame = text:sub(1, overhead + text:byte(4))
      if noise ~= "" then list[#list + 1] = { noise = noise }; noise = "" end
      if is_whole(frame) then
        list[#list + 1] = { frame = frame }
        text = text:sub(#frame + 1)
      else
        -- A bad frame uses up its start byte alone: a torn one borrows bytes of the next.
        list[#list + 1] = { frame = frame, bad = true }
        text = text:sub(2)
        while #text > 0 and not begins(text, 1, to_board) do text = text:sub(2) end
      end
    end
  end
  if noise ~= "" then list[#list + 1] = { noise = noise } end
  return list, text
end

local function range_of(text, name)
  local hex = text:gsub(".", function(c) return string.format("%02x", c:byte()) end)
  return ByteArray.new(hex):tvb(name)
end

local function date_text(number)
  local year, month, day = 2000 + math.floor(number / 512), math.floor(number / 32) % 16, number % 32
  if month < 1 or month > 12 or day < 1 then return string.format("0x%04X", number) end
  return string.format("%04d-%02d-%02d", year, month, day)
end

local function set_bits(number, names)
  local set = {}
  for n, name in ipairs(names) do
    if math.floor(number / 2 ^ (n - 1)) % 2 == 1 then set[#set + 1] = name end
  end
  return table.concat(set, " ")
end

-- Add one value of the tables; return it in words.
local function add_number(tree, field, data)
  local range = data(field.offset, field.size)
  local number = range:uint()
  local key = V[value_key(field)]
  if field.high then
    number = math.floor(number / 2 ^ field.low) % 2 ^ (field.high - field.low + 1)
  end
  if field.kind == "FLAG" then
    tree:add(key, range, number ~= 0)
    return field.name .. " " .. tostring(number ~= 0)
  elseif field.kind == "HEX" then
    local item = tree:add(key, range, number)
    if field.flags then item:add(F.bits_set, range, set_bits(number, field.flags)) end
    return string.format("%s 0x%04X", field.name, number)
  elseif field.kind == "DATE" then
    tree:add(key, range, date_text(number))
    return field.name .. " " .. date_text(number)
  end
  if field.codes then
    number = field.codes[number + 1] or number
  else
    if field.signed and number >= 2 ^ (8 * field.size - 1) then
      number = number - 2 ^ (8 * field.size)
    end
    number = number * (field.scale or 1)
  end
  number = math.floor(number)
  tree:add(key, range, number)
  return string.format("%s %d%s", field.name, number, field.unit and (" " .. field.unit) or "")
end

-- Bytes as Latin-1, like the bench reads them. TvbRange:string() returns as many bytes as the packet
-- has, and cuts a name whose characters take more of them in UTF-8.
local function text_of(range)
  return (range:raw():gsub(".", function(character)
    local byte = character:byte()
    if byte < 32 or byte == 127 then return "." end
    if byte < 128 then return character end
    return string.char(0xC0 + math.floor(byte / 64), 0x80 + byte % 64)
  end))
end

local function add_rest(tree, field, data)
  local size = data:len() - field.offset
  if size <= 0 then return nil end
  local range, key = data(field.offset, size), V[value_key(field)]
  if field.kind == "TEXT" then
    tree:add(key, range, text_of(range))
    return field.name .. " " .. text_of(range)
  elseif field.kind == "SIZED_TEXT" then
    local length = math.min(range(0, 1):uint(), size - 1)
    local text = length > 0 and text_of(range(1, length)) or ""
    tree:add(key, range, text)
    return field.name .. " " .. text
  elseif field.kind == "BYTES" then
    tree:add(key, range)
    return field.name .. " " .. tostring(range:bytes())
  end
  local words = {}
  for at = 0, size - 2, 2 do
    local word = range(at, 2)
    local number = (field.signed and word:int() or word:uint()) * (field.scale or 1)
    tree:add(key, word, number)
    words[#words + 1] = tostring(number)
  end
  return field.name .. " " .. table.concat(words, " ") .. (field.unit and (" " .. field.unit) or "")
end

local REST = { TEXT = true, SIZED_TEXT = true, BYTES = true, WORDS = true }

local function add_fields(tree, row, data)
  local words = {}
  for _, field in ipairs(row and row.fields or {}) do
    if REST[field.kind] then
      words[#words + 1] = add_rest(tree, field, data)
    elseif data:len() >= field.offset + field.size then
      words[#words + 1] = add_number(tree, field, data)
    end
  end
  return table.concat(words, ", ")
end

local function add_basic_info(tree, data)
  if data:len() < 23 then return "too short" end
  local scale = data(20, 1):uint() >= 128 and 100 or 10
  tree:add(F.pack_mv, data(0, 2), data(0, 2):uint() * 10)
  tree:add(F.current_ma, data(2, 2), data(2, 2):int() * scale)
  tree:add(F.remaining_mah, data(4, 2), data(4, 2):uint() * scale)
  tree:add(F.nominal_mah, data(6, 2), data(6, 2):uint() * scale)
  tree:add(F.cycles, data(8, 2))
  tree:add(F.made, data(10, 2), date_text(data(10, 2):uint()))
  tree:add(F.balance, data(12, 4), data(12, 2):uint() + data(14, 2):uint() * 65536)
  local item = tree:add(F.protection, data(16, 2))
  item:append_text(" " .. set_bits(data(16, 2):uint(), PROTECTION))
  tree:add(F.version, data(18, 1))
  tree:add(F.rsoc, data(19, 1))
  tree:add(F.fets, data(20, 1))
  tree:add(F.cells, data(21, 1))
  tree:add(F.ntcs, data(22, 1))
  local at = 23
  for n = 1, data(22, 1):uint() do
    if data:len() < at + 2 then break end
    local ntc = tree:add(F.ntc_dk, data(at, 2))
    ntc:append_text(string.format(" NTC %d: %.1f degC", n, (data(at, 2):uint() - 2731) / 10))
    at = at + 2
  end
  if data:len() > at then tree:add(F.rest, data(at)) end
  return string.format("%d mV, %d mA, %d %%, FETs %d", data(0, 2):uint() * 10,
    data(2, 2):int() * scale, data(19, 1):uint(), data(20, 1):uint())
end

local function add_cells(tree, data)
  local shown = {}
  for at = 0, data:len() - 2, 2 do
    tree:add(F.cell_mv, data(at, 2)):prepend_text(string.format("Cell %d: ", at / 2 + 1))
    shown[#shown + 1] = tostring(data(at, 2):uint())
  end
  return table.concat(shown, " ") .. " mV"
end

local function add_request(tree, tvb)
  local code, address, size = tvb(1, 1):uint(), tvb(2, 1):uint(), tvb(3, 1):uint()
  local row = (code == WRITE_CODE and WRITTEN or READ)[address]
  local name = row and row.name or string.format("0x%02X", address)
  tree:add(F.request, tvb(1, 1))
  tree:add(F.register, tvb(2, 1)):append_text(row and (" " .. row.title) or "")
  tree:add(F.name, tvb(2, 1), name)
  tree:add(F.length, tvb(3, 1))
  local words = ""
  if size > 0 then
    local item = tree:add(F.data, tvb(4, size))
    if code == WRITE_CODE then words = add_fields(item, row, tvb(4, size):tvb()) end
  end
  return (code == WRITE_CODE and "write " or "read ") .. name .. (words ~= "" and ": " .. words or "")
end

local function add_response(tree, tvb)
  local address, status, size = tvb(1, 1):uint(), tvb(2, 1):uint(), tvb(3, 1):uint()
  -- An answer does not say what it answers: data were read, an empty one was a write.
  local row = (size > 0 and READ or WRITTEN)[address] or READ[address]
  local name = row and row.name or string.format("0x%02X", address)
  tree:add(F.register, tvb(1, 1)):append_text(row and (" " .. row.title) or "")
  tree:add(F.name, tvb(1, 1), name)
  local item = tree:add(F.status, tvb(2, 1))
  tree:add(F.length, tvb(3, 1))
  if status ~= 0 then
    local why = STATUS[status] or string.format("0x%02X unlisted status", status)
    item:add_proto_expert_info(refused, why)
    return name .. ": " .. why
  end
  if size == 0 then return name .. ": done" end
  local values, data = tree:add(F.data, tvb(4, size)), tvb(4, size):tvb()
  if address == 0x03 then return name .. ": " .. add_basic_info(values, data) end
  if address == 0x04 then return name .. ": " .. add_cells(values, data) end
  return name .. ": " .. add_fields(values, row, data)
end

local function add_module(tree, tvb)
  local command, size = tvb(2, 1):uint(), tvb(3, 1):uint()
  tree:add(F.module_command, tvb(2, 1))
  tree:add(F.length, tvb(3, 1))
  if size > 0 then tree:add(F.module_data, tvb(4, size)) end
  return "module " .. (MODULE[command] or string.format("0x%02X", command))
end

local function add_frame(tree, tvb, part, to_board)
  local branch = tree:add(jbd, tvb())
  branch:add(F.to_board, tvb(0, 1), to_board):set_generated()
  if part.bad then
    branch:add(F.checksum_bad, tvb(), true):add_proto_expert_info(damaged)
    return "damaged frame"
  end
  if tvb(0, 1):uint() == 0xFF then return add_module(branch, tvb) end
  local words = to_board and add_request(branch, tvb) or add_response(branch, tvb)
  branch:add(F.checksum, tvb(tvb:len() - 3, 2))
  branch:append_text(", " .. words)
  return words
end

function jbd.dissector(tvb, pinfo, tree)
  local direction = direction_of()
  local raw = tvb:raw()
  local to_board
  if direction then
    to_board = direction.value ~= INBOUND
  else
    local first, second = raw:byte(1, 2)
    to_board = first == 0xDD and (second == READ_CODE or second == WRITE_CODE)
  end
  if not pinfo.visited then
    local list, left = frames_of(waiting[to_board] .. raw, to_board)
    waiting[to_board] = left
    found[pinfo.number] = { parts = list, pending = #left }
  end
  pinfo.cols.protocol = "JBD"
  pinfo.cols.src = to_board and "client" or "board"
  pinfo.cols.dst = to_board and "board" or "client"
  local result = found[pinfo.number] or { parts = {}, pending = 0 }
  local words = {}
  for _, part in ipairs(result.parts) do
    if part.noise then
      tree:add(jbd, tvb()):add(F.noise, range_of(part.noise, "Noise")())
      words[#words + 1] = "noise"
    else
      local at = raw:find(part.frame, 1, true)
      local frame = at and tvb(at - 1, #part.frame):tvb() or range_of(part.frame, "JBD frame")
      words[#words + 1] = add_frame(tree, frame, part, to_board)
    end
  end
  if result.pending > 0 then
    tree:add(jbd, tvb()):add(F.pending, result.pending):set_generated()
    if #words == 0 then words[1] = "(unfinished)" end
  end
  pinfo.cols.info = table.concat(words, " | ")
  return tvb:len()
end

DissectorTable.get("wtap_encap"):add(wtap.USER0, jbd)
