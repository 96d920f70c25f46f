"""Model providers, and model servers of this machine by default port."""

from typing import NamedTuple


class Provider(NamedTuple):
    """A vendor or a local server with an OpenAI-compatible endpoint."""

    name: str
    title: str
    base_url: str
    """Empty for OpenAI."""
    keys_at: str = ""
    """Web page that creates keys; empty for a server that needs none."""

    @property
    def key_name(self) -> str:
        """The usual environment variable of its key."""
        return f"{self.name.upper()}_API_KEY"


def local_server(name: str, title: str, port: int) -> Provider:
    return Provider(name, title, f"http://127.0.0.1:{port}/v1")


PROVIDERS = (
    Provider("openai", "OpenAI", "", "https://platform.openai.com/api-keys"),
    Provider(
        "openrouter", "OpenRouter", "https://openrouter.ai/api/v1", "https://openrouter.ai/settings/keys"
    ),
    Provider(
        "anthropic", "Anthropic", "https://api.anthropic.com/v1", "https://platform.claude.com/settings/keys"
    ),
    Provider(
        "gemini",
        "Google Gemini",
        "https://generativelanguage.googleapis.com/v1beta/openai",
        "https://aistudio.google.com/apikey",
    ),
    Provider("mistral", "Mistral", "https://api.mistral.ai/v1", "https://console.mistral.ai/api-keys"),
    Provider("groq", "Groq", "https://api.groq.com/openai/v1", "https://console.groq.com/keys"),
    Provider("deepseek", "DeepSeek", "https://api.deepseek.com/v1", "https://platform.deepseek.com/api_keys"),
    Provider(
        "together", "Together", "https://api.together.xyz/v1", "https://api.together.ai/settings/api-keys"
    ),
    Provider("xai", "xAI", "https://api.x.ai/v1", "https://console.x.ai"),
)
LOCAL_SERVERS = (
    local_server("ollama", "Ollama", 11434),
    local_server("lmstudio", "LM Studio", 1234),
    local_server("llama.cpp", "llama.cpp", 8080),
    local_server("vllm", "vLLM", 8000),
)
