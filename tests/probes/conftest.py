import uvloop


def pytest_asyncio_loop_factories(config, item):
    """Checks are tested on the loops that run them."""
    return {"uvloop": uvloop.new_event_loop}
