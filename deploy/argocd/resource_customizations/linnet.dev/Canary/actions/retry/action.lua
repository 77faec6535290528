local revision = obj.status ~= nil and obj.status.revision or nil
if revision == nil then
  error("linnet has not released any revision of this Canary yet", 0)
end
if obj.metadata.annotations == nil then
  obj.metadata.annotations = {}
end
obj.metadata.annotations["linnet.dev/request"] = "retry @" .. revision
return obj
