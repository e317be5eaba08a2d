from bond_server.testing import ServiceConformance


class TestRest(ServiceConformance):
  name = "api"

  def keys(self):
    return {"port": 0}
