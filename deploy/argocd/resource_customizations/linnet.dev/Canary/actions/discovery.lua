-- Each action asks linnet for something on the revision that status names. What makes no sense is
-- disabled; linnet itself refuses it as well, for the state may have changed since.
local function table_or_empty(value)
  if type(value) == "table" then return value end
  return {}
end

local metadata = table_or_empty(obj.metadata)
local spec = table_or_empty(obj.spec)
local analysis = table_or_empty(spec.analysis)
local status = table_or_empty(obj.status)
local phase = status.phase

local reason = nil
for _, entry in ipairs(table_or_empty(status.conditions)) do
  entry = table_or_empty(entry)
  if entry.type == "Progressing" then reason = entry.reason end
end

local function last_step()
  if spec.primaryRef ~= nil then return 100 end
  local top = nil
  for _, weight in ipairs(table_or_empty(analysis.stepWeights)) do top = tonumber(weight) end
  return top or tonumber(analysis.maxWeight) or 100
end

local possible = status.revision ~= nil and spec.suspend ~= true and metadata.deletionTimestamp == nil
local analysed = possible and phase == "Progressing"
local paused = status.pausedRevision ~= nil and status.pausedRevision == status.revision
local ready = reason ~= "WaitingForCanary" and reason ~= "CanaryNotReady"
local may_go_up = analysed and ready and spec.paused ~= true
local above = analysis.ramp == nil and (tonumber(status.canaryWeight) or 0) < last_step()
-- The primary was not given the new revision yet. Where linnet does that itself, it is at once.
local not_handed_over = possible and phase == "Promoting" and reason == "WaitingForPrimary"

local actions = {}
actions["promote"] = {
  ["displayName"] = "Promote Now",
  ["iconClass"] = "fa fa-fw fa-fast-forward",
  ["disabled"] = not may_go_up
}
actions["skip-step"] = {
  ["displayName"] = "Skip Step",
  ["iconClass"] = "fa fa-fw fa-step-forward",
  ["disabled"] = not (may_go_up and above)
}
actions["pause"] = {
  ["displayName"] = "Pause",
  ["iconClass"] = "fa fa-fw fa-pause",
  ["disabled"] = not analysed or paused
}
actions["resume"] = {
  ["displayName"] = "Resume",
  ["iconClass"] = "fa fa-fw fa-play",
  ["disabled"] = not analysed or not paused
}
actions["abort"] = {
  ["displayName"] = "Abort",
  ["iconClass"] = "fa fa-fw fa-stop",
  ["disabled"] = not (analysed or not_handed_over)
}
actions["retry"] = {
  ["displayName"] = "Retry",
  ["iconClass"] = "fa fa-fw fa-redo",
  ["disabled"] = not (possible and phase == "Failed")
}
return actions
