/** The runtime reads this when it loads: import this module before it. */
process.env['ORT_DISABLE_TELEMETRY'] = '1';
