-- Health of a BaileysOperation for Argo CD: resource.customizations.health.janitor.baileys.dev_BaileysOperation in argocd-cm.
-- An operation is healthy once it is done, so that a wave waits for it.
local hs = { status = "Progressing", message = "Waiting for the operator" }
local status = obj.status
if status == nil or status.phase == nil then
  return hs
end
hs.message = status.message
if status.phase == "Completed" then
  hs.status = "Healthy"
elseif status.phase == "AwaitingPairing" then
  -- Somebody has to pair the tenant.
  hs.status = "Suspended"
elseif status.phase == "Failed" or status.phase == "RolledBack" then
  hs.status = "Degraded"
elseif status.phase == "Pending" then
  for _, condition in ipairs(status.conditions or {}) do
    -- Somebody has to lift spec.suspend of the tenant first.
    if condition.type == "Complete" and condition.reason == "Suspended" then
      hs.status = "Suspended"
    end
  end
end
return hs
