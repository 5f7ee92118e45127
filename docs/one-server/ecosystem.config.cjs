// For PM2, as the user that owns the session files: pm2 start ecosystem.config.cjs && pm2 save
// The directory above the sessions is to be adapted. An entry of `apps` can go into a file that you have already.
module.exports = {
  apps: [
    {
      name: "baileys-janitor",
      script: "/usr/local/bin/baileys-janitor",
      args: ["watch", "/srv/whatsapp/sessions"],
      interpreter: "none",
      exec_mode: "fork",
      // A second one would find the state file locked and end.
      instances: 1,
      // A removal that was begun is ended first.
      kill_timeout: 30000,
      exp_backoff_restart_delay: 1000,
      // Bad usage: starting again would not help.
      stop_exit_codes: [2],
      env: {
        // "true" for a careful first week.
        DRY_RUN: "false",
        PYTHONUNBUFFERED: "1",
      },
    },
  ],
};
