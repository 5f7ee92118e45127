-- Health of a BaileysTenant for Argo CD: resource.customizations.health.janitor.baileys.dev_BaileysTenant in argocd-cm.
-- It serves for a BaileysKeyStore and a BaileysTenantSet as well. BaileysOperations have operation/health.lua.
-- A tenant under pressure is not unhealthy as far as Argo CD is concerned: its session is, and the janitor is on it.
-- What degrades an application is that the janitor cannot observe or act (Stalled), and a broken creds.json.
local hs = { status = "Progressing", message = "Waiting for the first look" }
local status = obj.status
if status == nil then
  return hs
end
local generation = obj.metadata.generation
if status.observedGeneration == nil or status.observedGeneration < 0 then
  return hs
end
if generation ~= nil and status.observedGeneration < generation then
  hs.message = "Waiting for the operator to see the change"
  return hs
end
local ready = nil
-- What a set waits for: it is healthy meanwhile, or no wave behind it would ever begin.
local waits = nil
for _, condition in ipairs(status.conditions or {}) do
  -- A broken or missing creds.json is the one trouble that a sync can make worse: a rollout stops the process that can
  -- save it.
  local broken = condition.type == "Stalled" or condition.type == "CredentialsCorrupt"
    or condition.type == "CredentialsMissing"
  if broken and condition.status == "True" then
    hs.status = "Degraded"
    hs.message = condition.message
    return hs
  end
  if condition.type == "Ready" then
    ready = condition
  end
  local waiting = condition.type == "AwaitsConfirmation" or condition.type == "LimitReached"
  if waiting and condition.status == "True" then
    waits = condition.message
  end
end
if ready == nil or ready.status == "Unknown" then
  return hs
end
hs.message = ready.message
if ready.status ~= "True" then
  return hs
end
-- Suspended tenants too: their Ready says so, and a wave that waits for Healthy goes on.
hs.status = "Healthy"
if waits ~= nil then
  hs.message = waits
end
return hs
