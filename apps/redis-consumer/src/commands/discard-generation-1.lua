--- @include clear-database
--[[
Empties the selected database, which must hold a generation of ours that does not serve.

KEYS[1]  faultline:generation

Output    0 empty
         -1 refused: the database holds keys of somebody else, or serves

Bound    the keys of the generation
]]
return clear_database(KEYS[1]) and 0 or -1
