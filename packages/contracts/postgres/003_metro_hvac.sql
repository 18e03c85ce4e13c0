-- The model of the first fleet: heating and cooling units of metro trains, 100 float32 channels a frame. Installed on every
-- server, because frame files carry no description of their own channels.
--
-- FREQUENT_START_STOP: such a compressor idles near 8 A and runs above 15 A, so 12 A tells the two apart. A healthy unit
-- starts about three times an hour. The limit is 4 because the fleet reports every 5 minutes: twelve readings an hour show
-- at most six starts, and a higher limit could never be crossed.
insert into device_models (model, type, channels, units, rules)
values (
  'metro-hvac',
  'hvac',
  array['temp_supply_air', 'temp_return_air', 'pressure_compressor', 'current_compressor', 'power_total', 'fault_code',
        'data_quality']
    || array(select format('aux_%s', i) from generate_series(7, 99) as i order by i),
  array['degC', 'degC', 'kPa', 'A', 'kW', 'code', 'ratio'] || array_fill(''::text, array[93]),
  '[
    {"code": "HIGH_TEMP", "channel": "temp_supply_air", "above": 35},
    {"code": "LOW_TEMP", "channel": "temp_supply_air", "below": 10},
    {"code": "ABNORMAL_PRESSURE", "channel": "pressure_compressor", "outside": [500, 2000]},
    {"code": "ABNORMAL_CURRENT", "channel": "current_compressor", "outside": [5, 50]},
    {"code": "ABNORMAL_TEMP_DIFF", "channel": "temp_supply_air", "minus": "temp_return_air", "outside": [3, 15]},
    {"code": "FREQUENT_START_STOP", "starts_of": "current_compressor", "running_above": 12, "above": 4}
  ]'
)
on conflict (model) do nothing;
