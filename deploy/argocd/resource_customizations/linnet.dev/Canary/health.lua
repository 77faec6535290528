-- Whether a release that is under way keeps the Canary from being Healthy.
local releases_count = true

local function table_or_empty(value)
  if type(value) == "table" then return value end
  return {}
end

local metadata = table_or_empty(obj.metadata)
local spec = table_or_empty(obj.spec)
local status = table_or_empty(obj.status)

local function condition(kind)
  for _, entry in ipairs(table_or_empty(status.conditions)) do
    entry = table_or_empty(entry)
    if entry.type == kind then return entry end
  end
  return {}
end

local progressing = condition("Progressing")
local stalled = condition("Stalled")

local function sentence(...)
  local text = ""
  for _, part in ipairs({...}) do
    if text == "" then text = part elseif part ~= "" then text = text .. ": " .. part end
  end
  return text
end

local function words(value)
  if type(value) == "string" or type(value) == "number" then return tostring(value) end
  return ""
end

local function where()
  local phase = words(status.phase)
  local weight = tonumber(status.canaryWeight)
  if weight ~= nil and weight > 0 then return phase .. " at " .. tostring(weight) .. "%" end
  return phase
end

local function health(code, message)
  return {status = code, message = message}
end

local generation = tonumber(metadata.generation)
local observed = tonumber(status.observedGeneration)
if observed == nil or (generation ~= nil and observed < generation) then
  return health("Progressing", "waiting for linnet to see the newest spec")
end

local message = progressing.message
if progressing.reason == "Suspended" then
  -- That is over, or told below: what was decided last says more.
  for _, decision in ipairs(table_or_empty(status.decisions)) do
    message = table_or_empty(decision).message
  end
end

-- A promotion by evidence whose deadline has passed: it is judged on, but a person is waited for.
local function undecided()
  local began = words(status.startedAt)
  for _, decision in ipairs(table_or_empty(status.decisions)) do
    decision = table_or_empty(decision)
    if decision.reason == "Undecided" and words(decision.time) >= began then return true end
  end
  return false
end

local overdue = status.phase == "Progressing" and undecided()
local why_overdue = ""
if overdue and progressing.reason ~= "Undecided" then
  why_overdue = "undecided at the deadline"
end
local told = sentence(where(), why_overdue, words(message))

if status.phase == "Failed" then
  return health("Degraded", told)
end
if spec.suspend == true then
  return health("Suspended", "spec.suspend is true: linnet changes nothing here")
end
if stalled.status == "True" then
  local why = sentence(words(stalled.reason), words(stalled.message))
  local absent = stalled.reason == "TargetNotFound" or stalled.reason == "PrimaryNotFound"
  if status.phase == nil and absent then
    -- Not even begun: the same sync may bring it.
    return health("Progressing", why)
  end
  return health("Degraded", why)
end
if status.phase == "Initialized" or status.phase == "Succeeded" then
  return health("Healthy", told)
end
local releasing = status.phase == "Progressing" or status.phase == "Promoting" or status.phase == "Finalising"
if releasing and not releases_count then
  return health("Healthy", told)
end
if status.phase == "Progressing" then
  local paused = status.pausedRevision ~= nil and status.pausedRevision == status.revision
  if paused or spec.paused == true or overdue then
    return health("Suspended", told)
  end
end
if status.phase == "Promoting" and progressing.reason == "WaitingForPrimary" then
  return health("Suspended", told)
end
if told == "" then
  told = "waiting for linnet to begin"
end
return health("Progressing", told)
