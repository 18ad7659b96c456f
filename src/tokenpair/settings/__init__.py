"""Settings from the environment or `.env`, one group a module.

Each variable begins with TOKENPAIR_; `.env.example` lists all of them. An invalid value stops the
start with one line that names the variable, the problem and an example. Times are whole seconds.
"""

from tokenpair.settings.combined import Settings
from tokenpair.settings.environment import ENV_FILE, EnvironmentSettings, read_settings
from tokenpair.settings.fields import PREFIX

__all__ = ["ENV_FILE", "PREFIX", "EnvironmentSettings", "Settings", "read_settings"]
