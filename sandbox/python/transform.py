"""Makes plain CloudFormation of the SAM template, fit for this machine.

`transform.py TEMPLATE BUCKET REGION < parameters.json` prints JSON. What `sam package` would upload is pointed to the
zips in the bucket (`<package>.zip`), state machine definitions are put into the template, and the functions are for
whatever processor runs them here: MiniStack starts a bootstrap natively and never looks at `Architectures`.
"""

import json
import pathlib
import sys

import boto3
from samtranslator.parser.parser import Parser
from samtranslator.translator.translator import Translator
from samtranslator.yaml_helper import yaml_parse


def localize(template: dict, folder: pathlib.Path, bucket: str) -> None:
    template.get("Globals", {}).get("Function", {}).pop("Architectures", None)
    for resource in template["Resources"].values():
        properties = resource.get("Properties", {})
        if resource["Type"] == "AWS::Serverless::Function":
            properties.pop("Architectures", None)
            package = pathlib.PurePath(properties["CodeUri"]).stem
            properties["CodeUri"] = {"Bucket": bucket, "Key": f"{package}.zip"}
        if resource["Type"] == "AWS::Serverless::StateMachine" and isinstance(properties.get("DefinitionUri"), str):
            definition = (folder / properties.pop("DefinitionUri")).read_text()
            properties["Definition"] = json.loads(definition)


def main() -> None:
    path, bucket, region = pathlib.Path(sys.argv[1]), sys.argv[2], sys.argv[3]
    template = yaml_parse(path.read_text())
    localize(template, path.parent, bucket)
    session = boto3.session.Session(region_name=region)
    translator = Translator({}, Parser(), boto_session=session)
    plain = translator.translate(template, parameter_values=json.load(sys.stdin))
    plain.pop("Transform", None)
    json.dump(plain, sys.stdout)


if __name__ == "__main__":
    main()
