"""Model providers, and model servers of this machine by default port."""

from dataclasses import dataclass

LOCAL_HOST = "127.0.0.1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """A vendor with an OpenAI-compatible endpoint."""

    name: str
    title: str
    base_url: str = ""
    """Empty for OpenAI."""
    key_name: str
    """The usual environment variable of its key."""
    keys_at: str
    """Web page that creates keys."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LocalServer:
    """A model server on this machine."""

    name: str
    title: str
    port: int

    @property
    def base_url(self) -> str:
        """URL of its OpenAI-compatible API."""
        return f"http://{LOCAL_HOST}:{self.port}/v1"


PROVIDERS = (
    Provider(
        name="openai",
        title="OpenAI",
        key_name="OPENAI_API_KEY",
        keys_at="https://platform.openai.com/api-keys",
    ),
    Provider(
        name="openrouter",
        title="OpenRouter",
        base_url="https://openrouter.ai/api/v1",
        key_name="OPENROUTER_API_KEY",
        keys_at="https://openrouter.ai/settings/keys",
    ),
    Provider(
        name="anthropic",
        title="Anthropic",
        base_url="https://api.anthropic.com/v1",
        key_name="ANTHROPIC_API_KEY",
        keys_at="https://platform.claude.com/settings/keys",
    ),
    Provider(
        name="gemini",
        title="Google Gemini",
        base_url="https://generativelanguage.googleapis.com/v1beta/openai",
        key_name="GEMINI_API_KEY",
        keys_at="https://aistudio.google.com/apikey",
    ),
    Provider(
        name="mistral",
        title="Mistral",
        base_url="https://api.mistral.ai/v1",
        key_name="MISTRAL_API_KEY",
        keys_at="https://console.mistral.ai/api-keys",
    ),
    Provider(
        name="groq",
        title="Groq",
        base_url="https://api.groq.com/openai/v1",
        key_name="GROQ_API_KEY",
        keys_at="https://console.groq.com/keys",
    ),
    Provider(
        name="deepseek",
        title="DeepSeek",
        base_url="https://api.deepseek.com/v1",
        key_name="DEEPSEEK_API_KEY",
        keys_at="https://platform.deepseek.com/api_keys",
    ),
    Provider(
        name="together",
        title="Together",
        base_url="https://api.together.xyz/v1",
        key_name="TOGETHER_API_KEY",
        keys_at="https://api.together.ai/settings/api-keys",
    ),
    Provider(
        name="xai",
        title="xAI",
        base_url="https://api.x.ai/v1",
        key_name="XAI_API_KEY",
        keys_at="https://console.x.ai",
    ),
)
LOCAL_SERVERS = (
    LocalServer(name="ollama", title="Ollama", port=11434),
    LocalServer(name="lmstudio", title="LM Studio", port=1234),
    LocalServer(name="llama.cpp", title="llama.cpp", port=8080),
    LocalServer(name="vllm", title="vLLM", port=8000),
)
